import { Fragment } from "react";

/** An e-mail address, domain or URL that breaks where a reader would: before its `@`, dots and slashes, and inside a word only where that alone is too long. */
export function Address({ text }: { readonly text: string }) {
  return (
    <span className="wrap-break-word">
      {text.split(/(?=[@./])/).map((part, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place in the address
        <Fragment key={at}>
          {at > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </span>
  );
}

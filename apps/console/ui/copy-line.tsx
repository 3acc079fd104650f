import { CopyButton } from "./copy-button.tsx";

/** A text to be taken elsewhere, with its name. */
export function CopyLine({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <div>
      <p className="mb-1 text-[13px] font-medium">{name}</p>
      <p className="flex items-center gap-2 rounded-lg border border-line bg-sunken py-0.5 pr-1 pl-3">
        <code className="min-w-0 flex-1 font-mono text-[13px] wrap-anywhere">{text}</code>
        <CopyButton text={text} />
      </p>
    </div>
  );
}

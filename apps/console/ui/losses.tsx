import { join } from "./join.ts";

/** What is lost, each in a line. */
export function Losses({ losses, className }: { readonly losses: readonly string[]; readonly className?: string }) {
  return (
    <ul className={join("list-disc space-y-1 pl-5 text-ink-soft", className)}>
      {losses.map((loss) => (
        <li key={loss}>{loss}</li>
      ))}
    </ul>
  );
}

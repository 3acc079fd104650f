import type { ReactNode } from "react";
import { join } from "../../ui/join.ts";
import { Card } from "../../ui/page-parts.tsx";

/** What scrolls must be reached by keyboard. */
const scrollStop = 0;

/** A part of a document: short, and read whole. The last columns are numbers. */
export function Table({
  title,
  hint,
  columns,
  numbers,
  minor,
  children,
}: {
  readonly title: string;
  readonly hint?: string;
  readonly columns: readonly string[];
  /** How many of the columns, from the right, are numbers. */
  readonly numbers: number;
  /** Of which column a phone shows nothing: what stands in it stands elsewhere, too. */
  readonly minor?: number;
  readonly children: ReactNode;
}) {
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{title}</h2>
      {hint !== undefined && <p className="mt-0.5 text-[13px] text-ink-soft">{hint}</p>}
      <section className="relative mt-3 overflow-x-auto" aria-label={title} tabIndex={scrollStop}>
        <table className="w-full text-sm">
          <thead>
            <tr className="border-b border-line text-left text-xs text-ink-soft">
              {columns.map((column, index) => (
                <th
                  key={column}
                  scope="col"
                  className={join(
                    "h-8 pr-4 font-medium whitespace-nowrap last:pr-0",
                    index >= columns.length - numbers && "text-right",
                    index === minor && "max-md:pr-0",
                  )}
                >
                  {/* Its cells stay, or those that span it would stand elsewhere. */}
                  <span className={index === minor ? "max-md:sr-only" : undefined}>{column}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="[&_td]:py-2 [&_td]:pr-4 max-md:[&_td]:pr-3 [&_td]:align-top [&_td:last-child]:pr-0 [&_tr]:border-b [&_tr]:border-line [&_tr:last-child]:border-0">
            {children}
          </tbody>
        </table>
      </section>
    </Card>
  );
}

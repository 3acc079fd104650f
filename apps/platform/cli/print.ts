/** Where a command's results go. */
export interface Output {
  readonly write: (text: string) => void;
  readonly isJson: boolean;
}

/** Prints `value` as JSON when that was asked for, else what `toText` makes of it. */
export function print<Value>({ write, isJson }: Output, value: Value, toText: (value: Value) => string): void {
  write(`${isJson ? JSON.stringify(value, null, 2) : toText(value)}\n`);
}

/** Rows under their headings, in columns as wide as they need. */
export function toTable(headings: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [
    headings,
    ...rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? "" : String(cell)))),
  ];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One `name: value` a line. */
export function toFields(fields: Readonly<Record<string, unknown>>): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields)
    .map(([name, value]) => `${name.padEnd(width)}  ${Array.isArray(value) ? value.join(", ") : (value ?? "")}`)
    .join("\n");
}

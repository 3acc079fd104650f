/**
 * Rows as CSV (RFC 4180): fields quoted where they need it, lines end with CRLF. A text that a spreadsheet would take for a
 * formula gets an apostrophe in front (owasp.org, "CSV Injection"); numbers are given as bigint and stay numbers.
 */
export function toCsv(rows: readonly (readonly (string | bigint | Decimal)[])[]): string {
  return rows.map((row) => `${row.map(toField).join(",")}\r\n`).join("");
}

/** A number that is written as a decimal. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function toField(value: string | bigint | Decimal): string {
  if (value instanceof Decimal) return value.text;
  if (typeof value === "bigint") return value.toString();
  const safe = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

import type { Column } from "./column.ts";
import { saveFile } from "./save-file.ts";

/** Offers rows as a file (RFC 4180). What a spreadsheet would take for a formula is marked as text. */
export function saveCsv<Row>(fileName: string, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  const kept = columns.flatMap(({ title, csv }) => (csv ? [{ title, csv }] : []));
  const lines = [kept.map(({ title }) => title), ...rows.map((row) => kept.map(({ csv }) => csv(row)))];
  const text = lines.map((line) => line.map(toField).join(",")).join("\r\n");
  // The mark tells spreadsheets that it is UTF-8.
  saveFile(fileName, new Blob(["\uFEFF", text, "\r\n"], { type: "text/csv" }));
}

function toField(value: string | number | null): string {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows go to SQL as JSON; bigints travel as strings, which PostgreSQL reads back exactly. */
export function toJson(rows: readonly object[]): string {
  return JSON.stringify(rows, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
}

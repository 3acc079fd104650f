/** What could hide something from whoever reads it: control characters, and those that turn the writing round. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cf}]/gu;

/** What it says, cut to length and freed of characters that nobody sees. */
export function toText(value: unknown, maxLength: number): string | undefined {
  return typeof value === "string" ? value.slice(0, maxLength).replace(hidden, "").toWellFormed() : undefined;
}

/** Whether it is a text of 1 to `maxLength` characters that hides nothing. */
export function isPlain(value: unknown, maxLength: number): value is string {
  if (typeof value !== "string" || value === "" || value.length > maxLength) return false;
  return toText(value, maxLength) === value && value.trim() === value && !/[\t\n]/.test(value);
}

/** Far deeper than any request. */
const maxDepth = 32;

/**
 * One text for all values that say the same, whatever the order of their fields; fields that are undefined count as left
 * out. Throws a TypeError for what is no plain data, so that nothing that matters is overlooked.
 */
export function canonicalText(value: unknown, depth = 0): string {
  if (depth > maxDepth) throw new TypeError(`a request is nested more than ${maxDepth} deep`);
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Date) return `@${value.toISOString()}`;
  if (value instanceof Uint8Array) return `#${Buffer.from(value).toString("base64")}`;
  if (Array.isArray(value)) return `[${value.map((item) => canonicalText(item, depth + 1)).join()}]`;
  if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
    throw new TypeError(`a request holds a ${typeof value === "object" ? value?.constructor?.name : typeof value}`);
  }
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalText(field, depth + 1)}`);
  return `{${fields.join()}}`;
}

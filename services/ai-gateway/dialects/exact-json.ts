/** What TypeScript's library does not declare yet of https://tc39.es/proposal-json-parse-with-source. */
const { rawJSON } = JSON as unknown as { rawJSON(source: string): unknown };
type Reviver = (key: string, value: unknown) => unknown;

/** A double holds fifteen decimal digits, whatever they are. */
const exactDigits = 15;

/**
 * As JSON.parse, except that a number which a double cannot hold stays as it is written and is written so again by
 * JSON.stringify: ids of 64 bits, seeds, long decimals. Throws as JSON.parse does.
 */
export function parseExact(text: string): unknown {
  // Nothing but a long run of digits can be such a number, and most bodies have none.
  if (!/\d[\d.]{14}|\d[eE]/.test(text)) return JSON.parse(text);
  const keepExact = (_key: string, value: unknown, context: { readonly source?: string }) =>
    typeof value === "number" && context.source !== undefined && !isExact(value, context.source)
      ? rawJSON(context.source)
      : value;
  return JSON.parse(text, keepExact as Reviver);
}

function isExact(value: number, source: string): boolean {
  if (String(value) === source) return true;
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/[^\d]/g, "")
    .replace(/^0+/, "");
  return digits.length <= exactDigits && Number.isFinite(value) && (value !== 0 || digits === "");
}

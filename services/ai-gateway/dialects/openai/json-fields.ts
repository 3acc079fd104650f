/** Where a top-level field stands in a JSON object: bytes of its value. */
export interface FieldRange {
  readonly valueStart: number;
  readonly valueEnd: number;
}

const nearBytes = 64;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Ranges of the named top-level fields of `body`, so that a field can be changed without touching a byte of the others:
 * 64-bit numbers, key order and spacing reach the upstream as the caller wrote them.
 * `body` must be a JSON object that `JSON.parse` has accepted. A field that is written twice gives `undefined` for the
 * whole: which of the two counts would be a guess.
 */
export function findFields(body: Buffer, names: ReadonlySet<string>): Map<string, FieldRange> | undefined {
  const found = new Map<string, FieldRange>();
  let at = skipSpace(body, body.indexOf(openBrace) + 1);
  while (body[at] === quote) {
    const keyEnd = skipString(body, at);
    const name = JSON.parse(body.toString("utf8", at, keyEnd)) as string;
    const valueStart = skipSpace(body, skipSpace(body, keyEnd) + 1);
    const valueEnd = skipValue(body, valueStart);
    if (names.has(name)) {
      if (found.has(name)) return undefined;
      found.set(name, { valueStart, valueEnd });
    }
    at = skipSpace(body, valueEnd);
    if (body[at] === comma) at = skipSpace(body, at + 1);
  }
  return found;
}

/**
 * `body` without a top-level field, and not a byte of the others touched; as it was where there is none, undefined where there are
 * two. `body` as for `findFields`.
 */
export function withoutField(body: Buffer, name: string): Buffer | undefined {
  let cut: { readonly from: number; readonly to: number } | undefined;
  let before: number | undefined;
  let at = skipSpace(body, body.indexOf(openBrace) + 1);
  while (body[at] === quote) {
    const keyEnd = skipString(body, at);
    const valueEnd = skipValue(body, skipSpace(body, skipSpace(body, keyEnd) + 1));
    const afterValue = skipSpace(body, valueEnd);
    const next = body[afterValue] === comma ? skipSpace(body, afterValue + 1) : undefined;
    if (JSON.parse(body.toString("utf8", at, keyEnd)) === name) {
      if (cut) return undefined;
      // The last one goes with the comma before it, every other with the one behind.
      cut = next === undefined ? { from: before ?? at, to: valueEnd } : { from: at, to: next };
    }
    before = valueEnd;
    at = next ?? afterValue;
  }
  return cut ? Buffer.concat([body.subarray(0, cut.from), body.subarray(cut.to)]) : body;
}

/** `body` with each named field set to a JSON text: replaced where it stands, else put in front. */
export function setFields(
  body: Buffer,
  fields: ReadonlyMap<string, FieldRange>,
  values: ReadonlyMap<string, string>,
): Buffer {
  const replacements = [...values].flatMap(([name, json]) => {
    const range = fields.get(name);
    return range ? [{ ...range, json }] : [];
  });
  replacements.sort((a, b) => a.valueStart - b.valueStart);
  const added = [...values]
    .filter(([name]) => !fields.has(name))
    .map(([name, json]) => `${JSON.stringify(name)}:${json},`);

  const start = body.indexOf(openBrace) + 1;
  const pieces: Buffer[] = [body.subarray(0, start), Buffer.from(added.join(""))];
  let at = start;
  for (const { valueStart, valueEnd, json } of replacements) {
    pieces.push(body.subarray(at, valueStart), Buffer.from(json));
    at = valueEnd;
  }
  pieces.push(body.subarray(at));
  return Buffer.concat(pieces);
}

function skipSpace(body: Buffer, at: number): number {
  let i = at;
  // JSON's four kinds of white space are all at or below 0x20, and nothing else outside strings is.
  while (i < body.length && (body[i] ?? 0) <= 0x20) i++;
  return i;
}

/** Most strings end soon; in a long one, such as an image, the next quote is found faster than byte by byte. */
function skipString(body: Buffer, start: number): number {
  for (let at = start + 1; ; ) {
    const near = Math.min(body.length, at + nearBytes);
    while (at < near && body[at] !== quote) at += body[at] === backslash ? 2 : 1;
    if (at >= body.length || body[at] === quote) return at + 1;
    const end = body.indexOf(quote, at);
    if (end < 0) return body.length + 1;
    let escapes = 0;
    while (end - escapes > at && body[end - escapes - 1] === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
    at = end + 1;
  }
}

function skipValue(body: Buffer, at: number): number {
  let depth = 0;
  let i = at;
  while (i < body.length) {
    const byte = body[i];
    if (byte === quote) {
      i = skipString(body, i);
      if (depth === 0) return i;
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth++;
    else if (byte === closeBrace || byte === closeBracket) {
      // At depth 0 this closes the object around a number, true, false or null.
      if (depth === 0) return i;
      depth--;
      if (depth === 0) return i + 1;
    } else if (depth === 0 && (byte === comma || byte === colon || (byte ?? 0) <= 0x20)) return i;
    i++;
  }
  return i;
}

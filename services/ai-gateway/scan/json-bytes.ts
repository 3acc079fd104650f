/**
 * JSON over bytes (RFC 8259), without building what it says. Each function takes where something begins and gives where it ends;
 * `notJson` when `JSON.parse` would refuse it, when it ends too early, or when it is nested deeper than `maxDepth`. Those that go on
 * from behind something take `notJson` too and give it back, so that a chain of them is checked once, at its end. UTF-8 is not checked.
 */
export const notJson = -1;

/** Real bodies stay below 20: tools with schemas within schemas. */
export const maxDepth = 64;

export const quote = 0x22;
const comma = 0x2c;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const backslash = 0x5c;
const colon = 0x3a;
const minus = 0x2d;
const plus = 0x2b;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const letterF = 0x66;
const letterT = 0x74;
const letterU = 0x75;

const allBits = -1;
const maxEscapesBytes = 65_536;

const isEscaped = markBytes('"\\/bfnrt');
const isHexDigit = markBytes("0123456789abcdefABCDEF");

/**
 * Bytes that are read as JSON, and the same memory in words of four, for strings. A DataView would read words anywhere, but V8 calls
 * into its runtime for each byte of one as soon as any ArrayBuffer of the process was ever transferred (V8's "array buffer
 * detaching" protector), which loading TypeScript already does.
 */
export interface JsonBytes {
  readonly bytes: Uint8Array;
  readonly length: number;
  /** The whole words among `bytes`, little-endian; the first may begin before them. */
  readonly words: Int32Array;
  /** How many bytes of the first word are not of `bytes`: 0 to 3. */
  readonly shift: number;
  /** True where a line's end is no white space: a server-sent event's data in one line. */
  readonly isOneLine: boolean;
}

/** Costs no copy: `bytes` must not change while it is read. */
export function toJsonBytes(bytes: Uint8Array, isOneLine = false): JsonBytes {
  const { buffer, byteOffset, length } = bytes;
  const shift = byteOffset & 3;
  return { bytes, length, words: new Int32Array(buffer, byteOffset - shift, (length + shift) >> 2), shift, isOneLine };
}

/** The byte at `at`, which must not be negative; 0, which stands nowhere in JSON, behind the end. */
export function byteAt(json: JsonBytes, at: number): number {
  return at < json.length ? (json.bytes[at] ?? 0) : 0;
}

export function skipSpace(json: JsonBytes, at: number): number {
  // Most JSON is written without.
  if (byteAt(json, at) > 0x20) return at;
  let i = at;
  while (isSpace(byteAt(json, i), json.isOneLine)) i++;
  return i;
}

/** A whole string, from its opening quote to behind its closing one. */
export function skipString(json: JsonBytes, at: number): number {
  if (byteAt(json, at) !== quote) return notJson;
  let i = skipPlainText(json, at + 1);
  while (byteAt(json, i) === backslash) {
    const end = skipEscapes(json, i);
    if (end === notJson) return notJson;
    i = skipBetweenEscapes(json, end);
  }
  // Otherwise it is a raw control character, which JSON.parse refuses, or the end of the bytes, which reads as one.
  return byteAt(json, i) === quote ? i + 1 : notJson;
}

/**
 * A name without escapes, from its opening quote to behind its closing one; `notJson` for any other. To JSON.parse `mod\\u0065l` is
 * `model`: where names decide, one that hides must not pass as another.
 */
export function skipPlainName(json: JsonBytes, at: number): number {
  const end = skipPlainText(json, at + 1);
  return byteAt(json, end) === quote ? end + 1 : notJson;
}

/** A whole value of any kind. `depth` is how many lists and objects may still be opened within one another. */
export function skipValue(json: JsonBytes, at: number, depth = maxDepth): number {
  if (at === notJson) return notJson;
  const byte = byteAt(json, at);
  if (byte === quote) return skipString(json, at);
  if (byte === minus || isDigit(byte)) return skipNumber(json, at);
  if (byte === openBrace) return skipObject(json, at, depth);
  if (byte === openBracket) return skipList(json, at, depth);
  const word = byte === letterT ? "true" : byte === letterF ? "false" : "null";
  return isText(json, at, word) ? at + word.length : notJson;
}

function skipObject(json: JsonBytes, start: number, depth: number): number {
  // A body of a million braces ends here, before it fills the stack (a request bomb).
  if (depth === 0) return notJson;
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    at = nextField(json, skipValue(json, skipColon(json, skipString(json, at)), depth - 1));
  }
  return at === notJson ? notJson : at + 1;
}

function skipList(json: JsonBytes, start: number, depth: number): number {
  if (depth === 0) return notJson;
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) at = nextItem(json, skipValue(json, at, depth - 1));
  return at === notJson ? notJson : at + 1;
}

/** True when the bytes from `at` on are `text`, which is ASCII. They need not end there. */
export function isText(json: JsonBytes, at: number, text: string): boolean {
  const { bytes, length } = json;
  if (at + text.length > length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** From the brace that opens an object to its first name, or to the brace that closes it. */
export function openObject(json: JsonBytes, at: number): number {
  if (byteAt(json, at) !== openBrace) return notJson;
  const i = skipSpace(json, at + 1);
  return byteAt(json, i) === quote || byteAt(json, i) === closeBrace ? i : notJson;
}

/** From behind a name's closing quote to its value. */
export function skipColon(json: JsonBytes, at: number): number {
  if (at === notJson) return notJson;
  const i = skipSpace(json, at);
  return byteAt(json, i) === colon ? skipSpace(json, i + 1) : notJson;
}

/** From behind a field's value to the next name, or to the brace that closes the object. */
export function nextField(json: JsonBytes, at: number): number {
  if (at === notJson) return notJson;
  // As nearly all JSON is written.
  if (byteAt(json, at) === comma && byteAt(json, at + 1) === quote) return at + 1;
  const i = skipSpace(json, at);
  const mark = byteAt(json, i);
  if (mark !== comma) return mark === closeBrace ? i : notJson;
  const name = skipSpace(json, i + 1);
  // A comma before the closing brace is no JSON.
  return byteAt(json, name) === quote ? name : notJson;
}

/** From the bracket that opens a list to its first item, or to the bracket that closes it. */
export function openList(json: JsonBytes, at: number): number {
  return byteAt(json, at) === openBracket ? skipSpace(json, at + 1) : notJson;
}

/** From behind an item to the next one, or to the bracket that closes the list. */
export function nextItem(json: JsonBytes, at: number): number {
  if (at === notJson) return notJson;
  const i = skipSpace(json, at);
  if (byteAt(json, i) !== comma) return byteAt(json, i) === closeBracket ? i : notJson;
  const item = skipSpace(json, i + 1);
  return byteAt(json, item) === closeBracket ? notJson : item;
}

/** To the next quote, backslash or control character, or to the end: four bytes at a time. */
export function skipPlainText({ bytes, length, words, shift }: JsonBytes, at: number): number {
  const count = words.length;
  let i = at;
  for (;;) {
    let word = (i + shift) >> 2;
    let marks = word < count ? markSpecial(words[word] ?? 0) & (allBits << (((i + shift) & 3) << 3)) : 0;
    while (marks === 0 && ++word < count) marks = markSpecial(words[word] ?? 0);
    if (marks === 0) break;
    i = (word << 2) - shift + firstMarked(marks);
    // In the first word what stands before the text may have borrowed from it.
    if (isSpecial(bytes[i] ?? 0)) return i;
    i++;
  }
  i = Math.max(i, (count << 2) - shift);
  while (i < length && !isSpecial(bytes[i] ?? 0)) i++;
  return i;
}

/** As `skipPlainText`, which costs more to begin than few bytes take. */
export function skipBetweenEscapes(json: JsonBytes, at: number): number {
  const stop = Math.min(at + 8, json.length);
  for (let i = at; i < stop; i++) if (isSpecial(json.bytes[i] ?? 0)) return i;
  return stop === json.length ? stop : skipPlainText(json, stop);
}

function isSpecial(byte: number): boolean {
  return byte < 0x20 || byte === quote || byte === backslash;
}

/**
 * Marks, by the highest bit of each of four bytes, a quote, a backslash or a control character; 0 when there is none. A byte with
 * its second bit turned is below 0x21 for a control character and for a quote, and for nothing else (D. Lemire's test for
 * strings that need escaping, lemire.me, 2024). Only the lowest mark is sure: a subtraction may borrow from the byte above.
 */
function markSpecial(word: number): number {
  const belowSpaceOrQuote = (word ^ 0x02020202) - 0x21212121;
  const isBackslash = (word ^ 0x5c5c5c5c) - 0x01010101;
  return (belowSpaceOrQuote | isBackslash) & ~word & 0x80808080;
}

/** Which of four bytes, from 0, has the lowest mark. */
function firstMarked(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >> 3;
}

/** Past those that follow each other, some 64 KiB at most: texts of other scripts may be written in nothing else. */
export function skipEscapes(json: JsonBytes, at: number): number {
  let i = at;
  while (byteAt(json, i) === backslash && i - at < maxEscapesBytes) {
    i = skipEscape(json, i);
    if (i === notJson) return notJson;
  }
  return i;
}

function skipEscape(json: JsonBytes, at: number): number {
  const byte = byteAt(json, at + 1);
  if (byte !== letterU) return isEscaped[byte] === 1 ? at + 2 : notJson;
  for (let i = at + 2; i < at + 6; i++) if (isHexDigit[byteAt(json, i)] !== 1) return notJson;
  return at + 6;
}

function skipNumber(json: JsonBytes, at: number): number {
  let i = byteAt(json, at) === minus ? at + 1 : at;
  // A zero in front of digits is no JSON: what follows it is found to be no end of a value.
  i = byteAt(json, i) === zero ? i + 1 : skipDigits(json, i);
  if (i !== notJson && byteAt(json, i) === point) i = skipDigits(json, i + 1);
  if (i === notJson || (byteAt(json, i) | 0x20) !== 0x65) return i;
  const sign = byteAt(json, i + 1);
  return skipDigits(json, sign === plus || sign === minus ? i + 2 : i + 1);
}

/** At least one. */
function skipDigits(json: JsonBytes, at: number): number {
  let i = at;
  while (isDigit(byteAt(json, i))) i++;
  return i === at ? notJson : i;
}

function isSpace(byte: number, isOneLine: boolean): boolean {
  return byte === 0x20 || byte === 0x09 || (!isOneLine && (byte === 0x0a || byte === 0x0d));
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine;
}

function markBytes(marked: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of marked) table[character.charCodeAt(0)] = 1;
  return table;
}

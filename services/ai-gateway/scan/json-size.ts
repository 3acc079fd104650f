import {
  backslash,
  byteAt,
  closeBrace,
  closeBracket,
  type JsonBytes,
  maxDepth,
  notJson,
  openBrace,
  openBracket,
  quote,
  skipBetweenEscapes,
  skipEscapes,
  skipPlainText,
  toJsonBytes,
} from "./json-bytes.ts";
import { createNameSet } from "./name-set.ts";

/**
 * What the JSON of one call may hold, so that to build it holds up no other call for 50 ms. A conversation of a
 * million tokens in ten thousand messages has some 40,000 names of a few hundred kinds, 30,000 texts and as many lists and objects; a list
 * of token numbers up to 300,000 values.
 */
export const jsonLimits = {
  levels: maxDepth,
  names: 50_000,
  names_in_one: 5_000,
  /** Of each of them the engine makes a shape of objects. */
  different_names: 5_000,
  /** Lists and objects. */
  lists: 40_000,
  /** Other than names. */
  texts: 40_000,
  values: 400_000,
  /** Numbers that have an exponent or are longer than 15 characters: a double may not hold them. */
  long_numbers: 10_000,
  /** Places in texts: escapes that follow each other are one. */
  escapes: 800_000,
  /** All of them together: `\n` has two. */
  escaped_bytes: 4_000_000,
  /** Between texts: numbers, marks and white space. */
  loose_bytes: 4_000_000,
  /** All of it together, each counted as many times as the nanoseconds that it takes (`workOf`). */
  work: 50_000_000,
} as const;
export type JsonExcess = keyof typeof jsonLimits;

/** A text's bytes without an escape between them are kept apart from so many on: an image, a file. */
export const longTextBytes = 65_536;

/** Bytes of a body that need not be built with the rest of it. */
export interface Apart {
  readonly start: number;
  readonly end: number;
  /** What a double may not hold, though it may yet be no number; otherwise plain text within a text that is no name. */
  readonly isNumber: boolean;
}

/** A body that is no longer holds no more of anything than it may. */
export const smallJsonBytes = 25_000;

const space = 0x20;
const comma = 0x2c;
const colon = 0x3a;
const longestPlainNumber = 15;

const plain = 1;
const exponent = 2;
const ofNumber = new Uint8Array(256);
for (const character of "0123456789.+-") ofNumber[character.charCodeAt(0)] = plain;
for (const character of "eE") ofNumber[character.charCodeAt(0)] = exponent;

/**
 * What a body has too much of, found before it is parsed: a million different names hold the event loop for seconds while an object is built
 * of them (a request bomb). Undefined also for what is no JSON, as far as it would be read. What may be built apart from the rest is put
 * into `apart`, in order.
 */
export function findExcess(body: Uint8Array, apart: Apart[] = []): JsonExcess | undefined {
  const json = toJsonBytes(body);
  const found = createFindings(body, apart);
  for (let at = 0; at < json.length; ) {
    const byte = json.bytes[at] ?? 0;
    if (byte <= space) at++;
    else if (byte === quote) at = skipText(json, at, found);
    else if (ofNumber[byte]) at = skipNumber(json, at, found);
    else at = noteMark(byte, at, found);
    if (at === notJson) return undefined;
    if (found.excess) return found.excess;
    if (at - found.inTexts > jsonLimits.loose_bytes) return "loose_bytes";
  }
  return workOf(json, found) > jsonLimits.work ? "work" : undefined;
}

/** What it takes to count and build all of it, in nanoseconds (bench/results/bodies.md). */
function workOf({ length }: JsonBytes, found: Findings): number {
  const { different, lists, strings, names, long, escapedTexts, escapes, escaped, inTexts } = found;
  const things = 2_000 * different + 130 * lists + 400 * (strings - names) + 3_000 * long + 300 * escapedTexts;
  return things + 33 * escapes + 6 * escaped + 10 * (length - inTexts) + 1.4 * inTexts;
}

function createFindings(bytes: Uint8Array, apart: Apart[]) {
  return {
    apart,
    ...{
      levels: 0,
      names: 0,
      different: 0,
      lists: 0,
      strings: 0,
      values: 0,
      long: 0,
      escapedTexts: 0,
      escapes: 0,
      escaped: 0,
    },
    namesAt: new Uint32Array(maxDepth + 2),
    isNew: createNameSet(bytes),
    /** How many bytes stand in texts, and where the last one does, which may be a name. */
    ...{ inTexts: 0, textStart: 0, textEnd: 0 },
    excess: undefined as JsonExcess | undefined,
  };
}
type Findings = ReturnType<typeof createFindings>;

function skipText(json: JsonBytes, start: number, found: Findings): number {
  let at = skipPlainText(json, start + 1);
  noteLongText(start + 1, at, found);
  if (byteAt(json, at) === backslash) found.escapedTexts++;
  while (byteAt(json, at) === backslash) {
    const end = skipEscapes(json, at);
    if (end === notJson) return notJson;
    found.escaped += end - at;
    if (++found.escapes > jsonLimits.escapes) found.excess = "escapes";
    if (found.escaped > jsonLimits.escaped_bytes) found.excess = "escaped_bytes";
    if (found.excess) return end;
    at = skipBetweenEscapes(json, end);
    noteLongText(end, at, found);
  }
  if (byteAt(json, at) !== quote) return notJson;
  found.textStart = start;
  found.textEnd = ++at;
  found.inTexts += at - start;
  // The last one may yet be a name.
  if (++found.strings - found.names > jsonLimits.texts + 1) found.excess = "texts";
  return at;
}

function noteLongText(start: number, end: number, { apart }: Findings): void {
  if (end - start >= longTextBytes) apart.push({ start, end, isNumber: false });
}

function skipNumber(json: JsonBytes, start: number, found: Findings): number {
  let at = start;
  let kinds = 0;
  for (let kind = ofNumber[byteAt(json, at)]; kind; kind = ofNumber[byteAt(json, at)]) {
    kinds |= kind;
    at++;
  }
  // `true` has an e, too.
  const isLong = at - start > longestPlainNumber || ((kinds & exponent) !== 0 && at - start > 1);
  if (isLong) {
    found.apart.push({ start, end: at, isNumber: true });
    if (++found.long > jsonLimits.long_numbers) found.excess = "long_numbers";
  }
  return at;
}

function noteMark(byte: number, at: number, found: Findings): number {
  if (byte === comma) {
    if (++found.values > jsonLimits.values) found.excess = "values";
  } else if (byte === colon) noteName(found);
  else if (byte === openBrace || byte === openBracket) {
    if (++found.lists > jsonLimits.lists) found.excess = "lists";
    if (++found.levels > jsonLimits.levels) found.excess = "levels";
    found.namesAt[found.levels] = 0;
  } else if (byte === closeBrace || byte === closeBracket) found.levels--;
  return at + 1;
}

function noteName(found: Findings): void {
  const { namesAt, levels, apart } = found;
  // A name is built with its object. What stands between it and its colon is no JSON, and must stay so.
  while ((apart.at(-1)?.start ?? notJson) > found.textStart) apart.pop();
  if (found.isNew(found.textStart, found.textEnd) && ++found.different > jsonLimits.different_names)
    found.excess = "different_names";
  namesAt[levels] = (namesAt[levels] ?? 0) + 1;
  if ((namesAt[levels] ?? 0) > jsonLimits.names_in_one) found.excess = "names_in_one";
  if (++found.names > jsonLimits.names) found.excess = "names";
}

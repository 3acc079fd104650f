import { randomBytes } from "node:crypto";
import { replaceTexts } from "../scan/replace-texts.ts";

/** What TypeScript's library does not declare yet of https://tc39.es/proposal-json-parse-with-source. */
const { rawJSON } = JSON as unknown as { rawJSON(source: string): unknown };

/** A double holds fifteen decimal digits, whatever they are. */
const exactDigits = 15;

/** Stands for a number while a text is parsed. Nobody outside knows it, so that no text of a caller's can pass as one. */
const mark = randomBytes(16).toString("base64url");
const isOfNumber = new Uint8Array(128);
for (const character of "0123456789.eE+-") isOfNumber[character.charCodeAt(0)] = 1;
const strictNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A number that JSON.stringify writes as `source` has it. */
export function toExactNumber(source: string): unknown {
  return rawJSON(source);
}

/**
 * As JSON.parse, except that a number which a double cannot hold stays as it is written and is written so again by
 * JSON.stringify: ids of 64 bits, seeds, long decimals. Throws as JSON.parse does.
 */
export function parseExact(text: string): unknown {
  const { marked, sources } = markInexact(text);
  if (sources.length === 0) return JSON.parse(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(marked);
  } catch {
    // Says where in the caller's own text it is wrong.
    return JSON.parse(text);
  }
  return restore(parsed, sources);
}

/**
 * The text with a string in place of each number that a double cannot hold. A reviver, which is given each value's source, costs a hundred
 * times what it takes to parse the value: a body with one such number would hold up all calls.
 */
function markInexact(text: string): { readonly marked: string; readonly sources: readonly string[] } {
  const parts: string[] = [];
  const sources: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const quoteAt = text.indexOf('"', at);
    const end = quoteAt < 0 ? text.length : quoteAt;
    for (let from = at; from < end; ) {
      if (isOfNumber[text.charCodeAt(from)] !== 1) {
        from++;
        continue;
      }
      const behind = endOfNumber(text, from, end);
      const source = mayBeInexact(text, from, behind) ? text.slice(from, behind) : "";
      if (source !== "" && isInexact(source) && !isName(text, behind)) {
        parts.push(text.slice(copied, from), `"${mark}${sources.length}"`);
        sources.push(source);
        copied = behind;
      }
      from = behind;
    }
    at = quoteAt < 0 ? text.length : endOfString(text, quoteAt);
  }
  return { marked: parts.join("") + text.slice(copied), sources };
}

/** Where what could be a number ends that begins at `from`. */
function endOfNumber(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && isOfNumber[text.charCodeAt(at)] === 1) at++;
  return at;
}

/** No number of so few digits, unless it has an exponent. */
function mayBeInexact(text: string, from: number, end: number): boolean {
  if (end - from > exactDigits) return true;
  for (let at = from; at < end; at++) if ((text.charCodeAt(at) | 0x20) === 0x65) return true;
  return false;
}

/** JSON.parse refuses a number in the place of a name, and would take a string there. */
function isName(text: string, behind: number): boolean {
  let at = behind;
  while (/\s/.test(text[at] ?? "")) at++;
  return text[at] === ":";
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let escapes = 0;
    while (text[end - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return end + 1;
    at = end + 1;
  }
}

/** Puts each number back in its place. */
function restore(parsed: unknown, sources: readonly string[]): unknown {
  return replaceTexts(parsed, (text) =>
    text.startsWith(mark) ? toExactNumber(sources[Number(text.slice(mark.length))] ?? "") : undefined,
  );
}

/** True for a number that a double cannot hold; false also for what is no number. */
export function isInexact(source: string): boolean {
  const value = Number(source);
  if (String(value) === source || !strictNumber.test(source)) return false;
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/[^\d]/g, "")
    .replace(/^0+/, "");
  return digits.length > exactDigits || !Number.isFinite(value) || (value === 0 && digits !== "");
}

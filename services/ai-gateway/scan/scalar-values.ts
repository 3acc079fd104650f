import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import { isString } from "./field-names.ts";
import { byteAt, isText, type JsonBytes, quote } from "./json-bytes.ts";

/** The value is not in the one form that is read here; a parser has to tell what it says. */
export const unread = -1;
/** The value is `null`, or the field is not there. */
export const absent = -2;

/** More digits than any count has; so many are still exact in a double. */
const maxDigits = 10;
const backslash = 0x5c;

/**
 * The whole number between `start` and `end` of a JSON text that is known to be valid: written in plain digits, as every SDK does.
 * `absent` for null, `unread` for everything else (1.0, 1e2, -0, "1"): whether that is a whole number is for a parser to say.
 */
export function readCount(json: JsonBytes, start: number, end: number): number {
  if (end - start > maxDigits) return unread;
  let count = 0;
  for (let i = start; i < end; i++) {
    const digit = byteAt(json, i) - 0x30;
    if (digit < 0 || digit > 9) return isNull(json, start, end) ? absent : unread;
    count = count * 10 + digit;
  }
  return count;
}

/** 1 or 0 for true or false, `absent` for null, `unread` for everything else. */
export function readFlag(json: JsonBytes, start: number, end: number): number {
  if (end - start === 4) return isText(json, start, "true") ? 1 : isNull(json, start, end) ? absent : unread;
  return end - start === 5 && isText(json, start, "false") ? 0 : unread;
}

export function isNull(json: JsonBytes, start: number, end: number): boolean {
  return end - start === 4 && isText(json, start, "null");
}

/** True for a string of printable ASCII without escapes: its bytes are its characters. */
export function isPlainString(json: JsonBytes, start: number, end: number): boolean {
  if (byteAt(json, start) !== quote) return false;
  for (let i = start + 1; i < end - 1; i++) {
    const byte = byteAt(json, i);
    if (byte === backslash || byte > 0x7e) return false;
  }
  return true;
}

/** False for a string whose bytes may say something else than they seem to: a mode may hide behind an escape. True where there is none. */
export function isPlainTier(json: JsonBytes, start: number, end: number): boolean {
  return end === 0 || byteAt(json, start) !== quote || isPlainString(json, start, end);
}

/** What `readServiceMode` reads of a value that `isPlainTier`. */
export function readMode(json: JsonBytes, start: number, end: number): ServiceMode | undefined {
  if (isString(json, start, end, "flex")) return "flex";
  if (isString(json, start, end, "priority")) return "priority";
  return isString(json, start, end, "batch") ? "batch" : undefined;
}

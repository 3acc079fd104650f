import { byteAt, isText, type JsonBytes, quote } from "./json-bytes.ts";

/** Names that are looked for are shorter; longer ones need no look. */
const maxNameLength = 31;

/** A name is none of those that are looked for. */
export const otherName = -1;

/** Names to find among an object's fields; made once, looked up for every field. */
export interface FieldNames {
  readonly names: readonly string[];
  /** Where in `names` a name stands, by its length and first letter; `otherName` for none. */
  readonly slots: Int8Array;
}

/** Throws a RangeError when two names have the same length and first letter, or one is too long. */
export function fieldNames(...names: readonly string[]): FieldNames {
  const slots = new Int8Array((maxNameLength + 1) * 32).fill(otherName);
  for (const [index, name] of names.entries()) {
    const slot = slotOf(name.length, name.charCodeAt(0));
    if (name.length > maxNameLength || slots[slot] !== otherName) throw new RangeError(`${name} cannot be told apart`);
    slots[slot] = index;
  }
  return { names, slots };
}

/** Which of `names` stands between the quotes from `start` to `end`, without escapes: its index, or `otherName`. */
export function findName(json: JsonBytes, start: number, end: number, { names, slots }: FieldNames): number {
  const length = end - start - 2;
  if (length === 0 || length > maxNameLength) return otherName;
  const index = slots[slotOf(length, byteAt(json, start + 1))] ?? otherName;
  return index !== otherName && isText(json, start + 1, names[index] ?? "") ? index : otherName;
}

/** True when the value from `start` to `end` is a string that says `text`, which is ASCII. */
export function isString(json: JsonBytes, start: number, end: number, text: string): boolean {
  return end - start === text.length + 2 && byteAt(json, start) === quote && isText(json, start + 1, text);
}

function slotOf(length: number, firstLetter: number): number {
  return (length << 5) | (firstLetter & 31);
}

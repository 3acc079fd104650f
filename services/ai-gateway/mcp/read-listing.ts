import { isObject, type RpcParams } from "./json-rpc.ts";
import { ToolServerError } from "./tool-server-failure.ts";

/** One page of what a server lists. */
export interface Listing<Item> {
  readonly items: readonly Item[];
  /** How many broke a bound. */
  readonly leftOut: number;
  readonly nextCursor: string | undefined;
}

export const maxTitleLength = 200;
export const maxDescriptionLength = 8_192;
const maxCursorLength = 4_096;
/** What could hide something from whoever reads it: control characters, and those that turn the writing round. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cf}]/gu;

/**
 * The items of one page, which stand in `field`. One that `read` does not take is left out and does not hide the others. Throws a
 * ToolServerError for what is no list.
 */
export function readListing<Item>(
  result: RpcParams,
  field: string,
  read: (entry: RpcParams) => Item | undefined,
): Listing<Item> {
  const { [field]: listed, nextCursor } = result;
  if (!Array.isArray(listed)) throw new ToolServerError("malformed");
  const items = listed.flatMap((entry: unknown) => (isObject(entry) ? (read(entry) ?? []) : []));
  const hasNext = typeof nextCursor === "string" && nextCursor !== "" && nextCursor.length <= maxCursorLength;
  return { items, leftOut: listed.length - items.length, nextCursor: hasNext ? nextCursor : undefined };
}

/** What it says, cut to length and freed of characters that nobody sees. */
export function toText(value: unknown, maxLength: number): string | undefined {
  return typeof value === "string" ? value.slice(0, maxLength).replace(hidden, "").toWellFormed() : undefined;
}

/** Whether it is a text of 1 to `maxLength` characters that hides nothing. */
export function isPlain(value: unknown, maxLength: number): value is string {
  if (typeof value !== "string" || value === "" || value.length > maxLength) return false;
  return toText(value, maxLength) === value && value.trim() === value && !/[\t\n]/.test(value);
}

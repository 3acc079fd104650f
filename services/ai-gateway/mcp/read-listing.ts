import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";

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

/**
 * The items of one page, which stand in `field`. One that `read` does not take is left out and does not hide the others. Throws a
 * RpcAnswerError for what is no list.
 */
export function readListing<Item>(
  result: RpcParams,
  field: string,
  read: (entry: RpcParams) => Item | undefined,
): Listing<Item> {
  const { [field]: listed, nextCursor } = result;
  if (!Array.isArray(listed)) throw new RpcAnswerError("malformed");
  const items = listed.flatMap((entry: unknown) => (isObject(entry) ? (read(entry) ?? []) : []));
  const hasNext = typeof nextCursor === "string" && nextCursor !== "" && nextCursor.length <= maxCursorLength;
  return { items, leftOut: listed.length - items.length, nextCursor: hasNext ? nextCursor : undefined };
}

import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { parseInput } from "../errors/parse-input.ts";

/** Query fields of every list: `limit` 1 to 200, and the `cursor` that the page before gave. */
export const pageQueryFields = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(512).optional(),
};

const maxIds = 100;

/** Query field of a list that is narrowed to some ids: 1 to 100, with commas in between. */
export const idsQueryField = z
  .string()
  .max(maxIds * 65)
  .transform((text) => text.split(","))
  .pipe(z.array(z.string().min(1).max(64)).max(maxIds));

/** Which page of a list is wanted. */
export interface PageRequest {
  /** 1 to 200. */
  readonly limit: number;
  /** From the page before; undefined or empty for the first. */
  readonly cursor?: string | undefined;
}

/** One page of a list. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Gives the next page; undefined on the last one. */
  readonly nextCursor: string | undefined;
}

/** A page from one row more than `limit`, if there was one. `keysOf` gives the keys that the list is sorted by. */
export function toPage<Row>(rows: readonly Row[], limit: number, keysOf: (row: Row) => readonly string[]): Page<Row> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, nextCursor: rows.length > limit && last ? encodeCursor(keysOf(last)) : undefined };
}

/** The answer of every list, as a schema. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ object: z.literal("list"), data: z.array(item), next_cursor: z.string().nullable() });
}

/** The answer of every list: each row translated by `toItem`. */
export function toPageBody<Row, Item>({ rows, nextCursor }: Page<Row>, toItem: (row: Row) => Item) {
  return { object: "list" as const, data: rows.map(toItem), next_cursor: nextCursor ?? null };
}

/** What a peer asks of a list. Throws `kit.invalid_request` for a limit over 200; 0, unset on the wire, is 50. */
export function fromPageRequest(request: { readonly limit: number; readonly cursor: string }): PageRequest {
  return parseInput(z.object(pageQueryFields), { limit: request.limit || undefined, cursor: request.cursor });
}

/** An opaque cursor: the sort keys of a page's last row. */
export function encodeCursor(keys: readonly string[]): string {
  return Buffer.from(JSON.stringify(keys)).toString("base64url");
}

/** The `count` sort keys inside a cursor; undefined for no cursor. Throws `kit.invalid_request` for one that we did not give. */
export function decodeCursor(cursor: string | undefined, count: number): readonly string[] | undefined {
  if (!cursor) return undefined;
  try {
    const keys: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (Array.isArray(keys) && keys.length === count && keys.every(isKey)) return keys;
  } catch {
    // Not JSON: answered below like any other cursor that is not ours.
  }
  throw notACursor();
}

function notACursor(): Failure {
  return new Failure(kitFailures.invalid_request, {
    field: "cursor",
    reason: "is not a cursor of this list; leave it out to start at the first page",
    reason_zh_CN: "不是此列表的游标，省略即可从第一页开始",
  });
}

/** The number inside the cursor of a list that is sorted by one; undefined for no cursor. Throws as `decodeCursor` does. */
export function decodeSequenceCursor(cursor: string | undefined): bigint | undefined {
  const [key] = decodeCursor(cursor, 1) ?? [];
  if (key === undefined) return undefined;
  if (!/^\d{1,18}$/.test(key)) throw notACursor();
  return BigInt(key);
}

function isKey(key: unknown): key is string {
  return typeof key === "string" && key.isWellFormed() && !key.includes("\u0000");
}

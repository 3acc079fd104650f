import type { ListPage } from "./list-page.ts";

/** Reads a list from `cursor` on, page by page, until it ends or `maxRows` are there; then `next_cursor` says where it goes on. */
export async function readAll<Row>(
  load: (cursor: string | undefined) => Promise<ListPage<Row>>,
  {
    cursor: from,
    maxRows = Number.POSITIVE_INFINITY,
  }: { readonly cursor?: string | undefined; readonly maxRows?: number } = {},
): Promise<ListPage<Row>> {
  const rows: Row[] = [];
  let cursor = from;
  do {
    const page = await load(cursor);
    rows.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && rows.length < maxRows);
  return { data: rows, next_cursor: cursor ?? null };
}

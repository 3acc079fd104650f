import type { ListPage } from "./list-page.ts";

export interface ReadAllOptions {
  readonly cursor?: string | undefined;
  readonly maxRows?: number;
  /** Hears after each page how many rows are there. */
  readonly onRead?: (rows: number) => void;
}

/** Reads a list from `cursor` on, page by page, until it ends or `maxRows` are there; then `next_cursor` says where it goes on. */
export async function readAll<Row>(
  load: (cursor: string | undefined) => Promise<ListPage<Row>>,
  { cursor: from, maxRows = Number.POSITIVE_INFINITY, onRead }: ReadAllOptions = {},
): Promise<ListPage<Row>> {
  const rows: Row[] = [];
  let cursor = from;
  do {
    const page = await load(cursor);
    // Not spread: a page may have more rows than a call has arguments.
    for (const row of page.data) rows.push(row);
    onRead?.(rows.length);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && rows.length < maxRows);
  return { data: rows, next_cursor: cursor ?? null };
}

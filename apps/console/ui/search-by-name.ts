import type { ListPage, ListQuery } from "./list-page.ts";
import { readAll } from "./read-all.ts";

/** Where names are looked for: ids of what has `text` in its name, a page of at most 100. */
export type FindIds = (
  text: string,
  page: { readonly cursor: string | undefined; readonly limit: number },
  signal?: AbortSignal,
) => Promise<ListPage<string>>;

const idsPerPage = 100;
const enoughRows = 50;

/**
 * A list that knows ids where people know names: `q` is looked for where the names are, one place after the other, and the rows of what is
 * found are asked for. The cursor says in which place it goes on, and where.
 */
export function searchByName<Row>(
  places: readonly FindIds[],
  load: (query: ListQuery, ids: string | undefined, signal?: AbortSignal) => Promise<ListPage<Row>>,
): (query: ListQuery, signal?: AbortSignal) => Promise<ListPage<Row>> {
  return async ({ q, cursor: from, ...query }, signal) => {
    if (!q) return load({ ...query, cursor: from }, undefined, signal);
    return readAll<Row>(
      async (cursor) => {
        const [, place = "0", at] = /^(\d+):(.*)$/.exec(cursor ?? "") ?? [];
        const found = await places[Number(place)]?.(q, { cursor: at || undefined, limit: idsPerPage }, signal);
        const ids = found?.data.join(",");
        const rows = ids ? await readAll((page) => load({ ...query, cursor: page }, ids, signal)) : undefined;
        return { data: rows?.data ?? [], next_cursor: nextOf(Number(place), found?.next_cursor, places.length) };
      },
      { cursor: from, maxRows: enoughRows },
    );
  };
}

function nextOf(place: number, cursor: string | null | undefined, places: number): string | null {
  if (cursor) return `${place}:${cursor}`;
  return place + 1 < places ? `${place + 1}:` : null;
}

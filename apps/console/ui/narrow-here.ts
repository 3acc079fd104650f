import type { ListPage, ListQuery } from "./list-page.ts";
import { readAll } from "./read-all.ts";

type Load<Row> = (query: ListQuery, signal?: AbortSignal) => Promise<ListPage<Row>>;

const pageRows = "200";
const maxRows = 5_000;

/**
 * A list that the API pages and does not search: once one of `fields` is asked for, it is read to its end, up to 5,000 rows, and what fits
 * is shown; without, page by page as the API has it.
 */
export function narrowHere<Row>(
  fields: readonly string[],
  load: Load<Row>,
  fits: (row: Row, asked: ListQuery) => boolean,
): Load<Row> {
  return async ({ cursor: from, ...asked }, signal) => {
    if (!fields.some((field) => asked[field])) return load({ ...asked, cursor: from }, signal);
    const others = Object.fromEntries(Object.entries(asked).filter(([name]) => !fields.includes(name)));
    const { data, next_cursor } = await readAll((cursor) => load({ ...others, limit: pageRows, cursor }, signal), {
      ...{ cursor: from, maxRows },
    });
    return { data: data.filter((row) => fits(row, asked)), next_cursor };
  };
}

/** Whether one of the texts has what is searched for, whatever the case; all do where nothing is. */
export function has(texts: readonly (string | null)[], searched = ""): boolean {
  const wanted = searched.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(wanted)) || wanted === "";
}

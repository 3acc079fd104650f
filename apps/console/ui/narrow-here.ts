import type { ListPage, ListQuery } from "./data-table.tsx";

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
    const rows: Row[] = [];
    let cursor = from;
    let seen = 0;
    do {
      const page = await load({ ...others, limit: pageRows, cursor }, signal);
      rows.push(...page.data.filter((row) => fits(row, asked)));
      seen += page.data.length;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && seen < maxRows);
    return { data: rows, next_cursor: cursor ?? null };
  };
}

/** Whether one of the texts has what is searched for, whatever the case; all do where nothing is. */
export function has(texts: readonly (string | null)[], searched = ""): boolean {
  const wanted = searched.toLowerCase();
  return texts.some((text) => text?.toLowerCase().includes(wanted)) || wanted === "";
}

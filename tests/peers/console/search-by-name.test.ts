import assert from "node:assert/strict";
import { test } from "node:test";
import { type FindIds, searchByName } from "../../../apps/console/ui/search-by-name.ts";

const pageSize = 2;
const pageOf = <Row>(rows: readonly Row[], cursor: string | undefined, size = pageSize) => {
  const from = Number(cursor ?? 0);
  return { data: rows.slice(from, from + size), next_cursor: from + size < rows.length ? String(from + size) : null };
};

/** Looks among `known` for whatever begins so, two to a page. */
const placeOf =
  (known: readonly string[]): FindIds =>
  async (text, { cursor }) =>
    pageOf(
      known.filter((id) => id.startsWith(text)),
      cursor,
    );

test("rows of whatever is found by its name come from every place, page by page, each once; without a search all do", async () => {
  const people = Array.from({ length: 90 }, (_, at) => `ann-${at}`);
  const groups = ["ann-group", "board"];
  const rows = [...people.filter((_, at) => at % 2 === 0), ...groups].flatMap((of) => [`${of}/a`, `${of}/b`]);
  const load = searchByName<string>([placeOf([]), placeOf(people), placeOf(groups)], async ({ cursor }, ids) =>
    pageOf(
      rows.filter((row) => ids === undefined || ids.split(",").includes(row.split("/")[0] ?? "")),
      cursor,
      ids === undefined ? 10 : 1,
    ),
  );
  const found: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await load({ q: "ann", cursor });
    found.push(...page.data);
    cursor = page.next_cursor ?? undefined;
    pages++;
  } while (cursor !== undefined);
  assert.deepEqual(
    found,
    rows.filter((row) => row.startsWith("ann")),
  );
  assert.equal(pages, 2);
  assert.deepEqual(await load({ q: "nobody" }), { data: [], next_cursor: null });
  assert.deepEqual((await load({})).data, rows.slice(0, 10));
});

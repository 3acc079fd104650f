import assert from "node:assert/strict";
import { test } from "node:test";
import { findExcess, jsonLimits, smallJsonBytes } from "./json-size.ts";

const excessOf = (text: string) => findExcess(Buffer.from(text));
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const named = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n}":0`).join(",")}}`;
/** So many names, in lists of objects that each have few. */
const spread = (count: number) =>
  `[[${Array(count / 1_000)
    .fill(named(1_000))
    .join(",")}]]`;
const listed = (count: number) => `[${"0,".repeat(count)}0]`;

test("S12: what has too many levels, names or values is found before it is parsed; what has just enough is not", () => {
  assert.deepEqual(
    [excessOf(nested(jsonLimits.levels)), excessOf(nested(jsonLimits.levels + 1))],
    [undefined, "levels"],
  );
  const most = jsonLimits.names_in_one;
  assert.deepEqual([excessOf(named(most)), excessOf(named(most + 1))], [undefined, "names_in_one"]);
  const all = jsonLimits.names;
  assert.deepEqual([excessOf(spread(all)), excessOf(spread(all + 1_000))], [undefined, "names"]);
  assert.deepEqual(
    [excessOf(listed(jsonLimits.values)), excessOf(listed(jsonLimits.values + 1))],
    [undefined, "values"],
  );
});

test("marks within strings count for nothing, and levels that are closed are over", () => {
  const marks = `"${'[{:,\\"\\\\'.repeat(100_000)}"`;
  assert.equal(excessOf(`{"a":${marks},"b":[${Array(500).fill(nested(60)).join(",")}]}`), undefined);
});

test("what is no JSON is left to whoever parses it, as far as that would read", () => {
  for (const text of ["", '"', '{"a', "nonsense", "]]]]", `{"a":"\n${named(60_000)}`])
    assert.equal(excessOf(text), undefined);
});

test("a body that counts as small cannot hold too many names or values", () => {
  // A name takes five bytes at least, a value two.
  assert.ok(smallJsonBytes / 5 <= jsonLimits.names_in_one && smallJsonBytes / 2 <= jsonLimits.values);
});

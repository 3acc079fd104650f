import assert from "node:assert/strict";
import { test } from "node:test";
import { type Part, toSeries } from "../../../apps/console/pages/overview/series.ts";

const start = "2026-11-01T00:00:00.000Z";

/** What each series is drawn in, of parts that are told by name, calls and spend. */
function tonesOf(parts: readonly (readonly [string, number, number])[], measure: "calls" | "spend") {
  const toPart = ([name, calls, spend]: (typeof parts)[number]): Part => ({
    ...{ start, name, calls, value: measure === "calls" ? calls : spend },
  });
  const { series } = toSeries(parts.map(toPart), [start], "others");
  return Object.fromEntries(series.map(({ name, tone }) => [name, tone]));
}

test("a model has the same colour in the drawing of calls and in that of spend, whichever comes first", () => {
  const sums = [
    ["busy", 9, 1],
    ["dear", 3, 900],
    ["rare", 1, 5],
  ] as const;
  assert.deepEqual(tonesOf(sums, "calls"), { busy: 0, dear: 1, rare: 2 });
  assert.deepEqual(tonesOf(sums, "spend"), { dear: 1, rare: 2, busy: 0 });
});

test("no two series of a drawing have one colour, and all others together have that of none", () => {
  const sums = Array.from({ length: 9 }, (_, n) => [`m${n}`, 100 - n, n] as const);
  const calls = { m0: 0, m1: 1, m2: 2, m3: 3, m4: 4, m5: 5, others: 6 };
  assert.deepEqual(tonesOf(sums, "calls"), calls);
  const spend = tonesOf(sums, "spend");
  assert.deepEqual(Object.keys(spend), ["m8", "m7", "m6", "m5", "m4", "m3", "others"]);
  assert.equal(new Set(Object.values(spend)).size, 7);
  for (const name of ["m3", "m4", "m5", "others"] as const) assert.equal(spend[name], calls[name]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Sum, toSeries } from "../../../apps/console/pages/overview/sums.ts";

const start = "2026-11-01T00:00:00.000Z";
const words = { others: "others", nameOf: (id: string) => id };
const sumOf = (model: string, calls: number, cost_nanos: string) =>
  ({ start, group: { model }, calls, cost_nanos, input_tokens: 0, output_tokens: 0, errors: 0 }) as unknown as Sum;

/** What each series is drawn in. */
function tonesOf(sums: readonly Sum[], measure: "calls" | "spend"): Readonly<Record<string, number>> {
  const { series } = toSeries(sums, [start], "model", measure, words);
  return Object.fromEntries(series.map(({ name, tone }) => [name, tone]));
}

test("a model has the same colour in the drawing of calls and in that of spend, whichever comes first", () => {
  const sums = [sumOf("busy", 9, "1"), sumOf("dear", 3, "900"), sumOf("rare", 1, "5")];
  assert.deepEqual(tonesOf(sums, "calls"), { busy: 0, dear: 1, rare: 2 });
  assert.deepEqual(tonesOf(sums, "spend"), { dear: 1, rare: 2, busy: 0 });
});

test("no two series of a drawing have one colour, and all others together have that of none", () => {
  const sums = Array.from({ length: 9 }, (_, n) => sumOf(`m${n}`, 100 - n, String(n)));
  const calls = { m0: 0, m1: 1, m2: 2, m3: 3, m4: 4, m5: 5, others: 6 };
  assert.deepEqual(tonesOf(sums, "calls"), calls);
  const spend = tonesOf(sums, "spend");
  assert.deepEqual(Object.keys(spend), ["m8", "m7", "m6", "m5", "m4", "m3", "others"]);
  assert.equal(new Set(Object.values(spend)).size, 7);
  for (const name of ["m3", "m4", "m5", "others"] as const) assert.equal(spend[name], calls[name]);
});

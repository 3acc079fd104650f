import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { bucketOf, durationBuckets, percentilesOf } from "./durations.ts";

const seed = 20_261_127;

function countsOf(durations: readonly number[]): number[] {
  const counts: number[] = Array(durationBuckets).fill(0);
  for (const duration of durations) counts[bucketOf(duration)] = (counts[bucketOf(duration)] ?? 0) + 1;
  return counts;
}

/** By nearest rank. */
function exact(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)] ?? 0;
}

test("a percentile is within 10 % of the duration that has its rank, below 9 ms within 4 ms, whatever durations there are", () => {
  const { between } = createSeeded(seed);
  for (let round = 0; round < 500; round++) {
    const longest = 2 ** between(1, 20);
    const durations = Array.from({ length: between(1, 300) }, () => between(0, longest)).sort((a, b) => a - b);
    const told = percentilesOf(countsOf(durations));
    assert.equal(told?.count, durations.length);
    for (const percent of [50, 95, 99] as const) {
      const wanted = exact(durations, percent);
      const off = Math.abs((told?.[`p${percent}`] ?? Number.NaN) - wanted);
      assert.ok(
        off <= (wanted < 9 ? 4 : 0.1 * wanted),
        `seed ${seed}, ${round}: p${percent} of ${wanted} off by ${off}`,
      );
    }
  }
});

test("counts of two times add up to those of both, so that their percentiles are those of all their durations", () => {
  const { between } = createSeeded(seed);
  const [one, other] = [120, 3_000].map((longest) => Array.from({ length: 200 }, () => between(0, longest))) as [
    number[],
    number[],
  ];
  const sum = countsOf(one).map((count, bucket) => count + (countsOf(other)[bucket] ?? 0));
  assert.deepEqual(percentilesOf(sum), percentilesOf(countsOf([...one, ...other])));
});

test("nothing has no percentiles, and what is longer than 17 minutes is told as that", () => {
  assert.equal(percentilesOf([]), undefined);
  assert.equal(percentilesOf(countsOf([])), undefined);
  assert.equal(percentilesOf(countsOf([86_400_000]))?.p50, 1_048_576);
  assert.deepEqual([0, 8, 9, 1_048_576, 1_048_577].map(bucketOf), [0, 0, 1, durationBuckets - 2, durationBuckets - 1]);
});

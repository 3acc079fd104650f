import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTryMs } from "./retry-schedule.ts";

test("S18: a message is tried ten times in 75 hours and 35 minutes, exactly when the schedule says, and then given up", () => {
  const times = [0];
  for (let tries = 1; tries < 20; tries++) {
    const next = nextTryMs(tries, times.at(-1) ?? 0);
    if (next === undefined) break;
    times.push(next);
  }
  const [minute, hour] = [60_000, 3_600_000];
  const gaps = times.slice(1).map((at, n) => at - (times[n] ?? 0));
  assert.deepEqual(gaps, [5_000, 5 * minute, 30 * minute, ...[2, 5, 10, 14, 20, 24].map((n) => n * hour)]);
  assert.deepEqual([times.length, times.at(-1)], [10, 75 * hour + 35 * minute + 5_000]);
});

test("S18: who asks to be left alone is, for a day at most, and never asked sooner than the schedule says", () => {
  assert.equal(nextTryMs(1, 1_000, 60_000), 61_000);
  assert.equal(nextTryMs(2, 1_000, 60_000), 301_000);
  assert.equal(nextTryMs(1, 0, 9e12), 86_400_000);
  assert.equal(nextTryMs(10, 0, 60_000), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { type BalancerName, type Candidate, createBalancer } from "./balancer.ts";
import { createLatencyAverage } from "./balancer-latency.ts";
import { createOutlierDetector, defaultOutlierOptions } from "./balancer-outliers.ts";
import { seededDraw } from "./testdata/seeded-draw.ts";

const draws = 100_000;

function candidates(latenciesMs: readonly number[]): (Candidate & { inFlight: number; picked: number })[] {
  return latenciesMs.map((latencyMs) => ({ inFlight: 0, picked: 0, latencyMs: () => latencyMs }));
}

function shares(name: BalancerName, list: ReturnType<typeof candidates>): number[] {
  const balance = createBalancer(name, seededDraw(7));
  for (let i = 0; i < draws; i++) {
    const chosen = balance(list);
    if (chosen) chosen.picked++;
  }
  return list.map(({ picked }) => picked / draws);
}

const isNear = (actual: number, wanted: number) => assert.ok(Math.abs(actual - wanted) < 0.01, `${actual} ≠ ${wanted}`);

test("round robin gives each of five endpoints exactly a fifth, in turn", () => {
  assert.deepEqual(shares("round_robin", candidates([9, 1, 1, 1, 1])), [0.2, 0.2, 0.2, 0.2, 0.2]);
});

test("random gives each of five endpoints a fifth, whatever their latency", () => {
  for (const share of shares("random", candidates([9, 1, 1, 1, 1]))) isNear(share, 0.2);
});

test("power of two choices never takes the slowest of five, and takes the others as often as pairs allow", () => {
  // Of the 10 pairs, the k-th fastest wins in 4, 3, 2, 1 and 0.
  const wins = [0.4, 0.3, 0.2, 0.1, 0];
  for (const [i, share] of shares("power_of_two", candidates([1, 2, 3, 4, 5])).entries()) isNear(share, wins[i] ?? 0);
});

test("power of two choices keeps calls under way even where latencies are", () => {
  const list = candidates([10, 10, 10, 10, 10]);
  const balance = createBalancer("power_of_two", seededDraw(3));
  for (let i = 0; i < 1_000; i++) {
    const chosen = balance(list);
    if (chosen) chosen.inFlight++;
  }
  const loads = list.map(({ inFlight }) => inFlight);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 5, `${loads}`);
});

test("an endpoint of which nothing is known gets one call to find out, and no second one before it has answered", () => {
  const [known, unknown] = candidates([10, 0]);
  assert.ok(known && unknown);
  const balance = createBalancer("power_of_two", seededDraw(1));
  assert.equal(balance([known, unknown]), unknown);
  unknown.inFlight = 1;
  known.inFlight = 500;
  assert.equal(balance([known, unknown]), known);
});

test("every balancer gives the only candidate, and nothing of nothing", () => {
  const [only] = candidates([1]);
  assert.ok(only);
  for (const name of ["round_robin", "random", "power_of_two"] as const) {
    const balance = createBalancer(name, seededDraw(1));
    assert.equal(balance([only]), only);
    assert.equal(balance([]), undefined);
  }
});

test("the latency average rises at once, falls by 63 % in 10 s, and forgets while nothing is heard", () => {
  const clock = createFakeClock();
  const average = createLatencyAverage(clock);
  assert.equal(average.read(), 0);
  average.observe(5);
  average.observe(100);
  assert.equal(average.read(), 100);
  clock.advance(10_000);
  isNear(average.read(), 100 / Math.E);
});

function outliers(count: number) {
  const clock = createFakeClock();
  const detector = createOutlierDetector(defaultOutlierOptions, clock);
  const records = Array.from({ length: count }, () => detector.add());
  const fail = (index: number, times: number) => {
    for (let i = 0; i < times; i++) records[index]?.note("failure");
  };
  const ejected = () => records.flatMap((record, index) => (record.isEjected() ? [index] : []));
  return { clock, records, fail, ejected };
}

test("five failures in a row eject; a success in between starts the count anew, a canceled call does not", () => {
  const { records, fail, ejected } = outliers(5);
  fail(0, 4);
  records[0]?.note("success");
  fail(0, 4);
  records[0]?.note("ignored");
  assert.deepEqual(ejected(), []);
  fail(0, 1);
  assert.deepEqual(ejected(), [0]);
});

test("the n-th ejection lasts 30 s × n and at most 300 s, and health pays it off", () => {
  const { clock, fail, ejected } = outliers(5);
  for (let n = 1; n <= 12; n++) {
    fail(0, 5);
    const durationMs = Math.min(n * 30_000, 300_000);
    clock.advance(durationMs - 1);
    assert.deepEqual(ejected(), [0], `ejection ${n}`);
    clock.advance(1);
    assert.deepEqual(ejected(), [], `ejection ${n}`);
  }
  clock.advance(12 * 30_000);
  fail(0, 5);
  clock.advance(30_000);
  assert.deepEqual(ejected(), []);
});

test("failures that arrive while an endpoint is ejected do not lengthen its ejection", () => {
  const { clock, fail, ejected } = outliers(5);
  fail(0, 50);
  clock.advance(30_000);
  assert.deepEqual(ejected(), []);
});

test("no more than half of the endpoints are out at a time, and the only one never is", () => {
  for (const [count, limit] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [5, 2],
    [10, 5],
  ] as const) {
    const { fail, ejected } = outliers(count);
    for (let i = 0; i < count; i++) fail(i, 10);
    assert.equal(ejected().length, limit, `of ${count}`);
  }
});

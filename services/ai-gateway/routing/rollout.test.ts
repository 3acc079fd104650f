import assert from "node:assert/strict";
import { test } from "node:test";
import { findBreach, gatesSchema, isAmongFirst, noCounts } from "./rollout.ts";

const gates = gatesSchema.parse({ min_calls: 10, max_error_increase: 0.05, max_latency_increase: 0.5 });
const side = (calls: number, failed: number, meanMs: number) => ({ calls, failed, totalMs: calls * meanMs });

test("a share is of callers, is about as large as it says, and keeps who is in it as it grows", () => {
  const units = Array.from({ length: 4_000 }, (_, n) => `ten_1 key_${n}`);
  const small = units.filter((unit) => isAmongFirst("rol_1", unit, 5));
  const large = units.filter((unit) => isAmongFirst("rol_1", unit, 25));
  assert.ok(small.length > 120 && small.length < 280, `${small.length}`);
  assert.ok(large.length > 850 && large.length < 1_150, `${large.length}`);
  assert.ok(small.every((unit) => large.includes(unit)));
  assert.notDeepEqual(
    small,
    units.filter((unit) => isAmongFirst("rol_2", unit, 5)),
    "another trial has others",
  );
});

test("a version is judged once enough of its calls are known: beside the old one's errors, and its time where that is known", () => {
  const breachOf = (current: ReturnType<typeof side>, candidate: ReturnType<typeof side>) =>
    findBreach({ current, candidate }, gates);
  assert.equal(findBreach(noCounts, gates), undefined);
  assert.equal(breachOf(side(100, 0, 10), side(9, 9, 10)), undefined, "too few");
  assert.match(breachOf(side(100, 0, 10), side(10, 1, 10)) ?? "", /^errors: 10\.0 % .* 0\.0 %/);
  assert.equal(breachOf(side(100, 6, 10), side(10, 1, 10)), undefined, "the old one does as badly");
  assert.match(breachOf(side(0, 0, 0), side(10, 1, 10)) ?? "", /^errors/, "nobody has the old one");
  assert.equal(breachOf(side(9, 0, 10), side(10, 0, 100)), undefined, "too little to compare its time with");
  assert.match(breachOf(side(10, 0, 10), side(10, 0, 16)) ?? "", /^latency: its calls took 16 ms, the others 10 ms/);
  assert.equal(breachOf(side(10, 0, 10), side(10, 0, 15)), undefined);
});

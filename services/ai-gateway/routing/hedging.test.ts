import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { Registry } from "prom-client";
import type { Target } from "../model.ts";
import { createHedging } from "./hedging.ts";

const [a, b] = ["a", "b"].map(
  (name) => ({ provider: { providerId: name, name }, model: { name: "m" } }) as unknown as Target,
) as [Target, Target];

test("a second target is asked after the percentile of the last hundred calls of the first, within the bounds", () => {
  const hedging = createHedging({ minDelayMs: 100, maxDelayMs: 5_000 }, createFakeClock(), new Registry());
  assert.equal(hedging.delayMs(a, 95), 5_000, "nothing is known");
  for (let at = 1; at <= 19; at++) hedging.note(a, at * 100);
  assert.equal(hedging.delayMs(a, 95), 5_000, "too little is known");
  hedging.note(a, 2_000);
  assert.deepEqual(
    [50, 90, 95, 99].map((percentile) => hedging.delayMs(a, percentile)),
    [1_000, 1_800, 1_900, 2_000],
  );
  assert.equal(hedging.delayMs(b, 95), 5_000, "another target");
  for (let at = 0; at < 100; at++) hedging.note(a, 7);
  assert.equal(hedging.delayMs(a, 95), 100, "what was long ago counts no more; never sooner than the least");
  for (let at = 0; at < 100; at++) hedging.note(a, 9_000);
  assert.equal(hedging.delayMs(a, 50), 5_000, "nor later than the most");
});

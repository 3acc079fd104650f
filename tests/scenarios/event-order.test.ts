import assert from "node:assert/strict";
import { test } from "node:test";
import { withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { runEventFlood } from "../../bench/scenarios/event-flood.ts";

const limits = { timeout: 120_000 };

test(
  "D1: 200 writers with late commits and one stamp: the consumer sees each event once, in order per key",
  limits,
  (t) =>
    withSeed(1, async (seed) => {
      const events = 20_000;
      const plan = { seed, events, writers: 200, maxCommitDelayMs: 500, maxPerTransaction: 20 };
      const { seconds, ...result } = await runEventFlood(t, plan);
      t.diagnostic(`${events} events in ${seconds.toFixed(1)} s`);
      const expected = { consumed: events, lost: 0, doubled: 0, outOfOrder: 0, reversed: 0, stamps: 1 };
      assert.deepEqual(result, expected);
    }),
);

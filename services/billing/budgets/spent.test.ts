import assert from "node:assert/strict";
import { test } from "node:test";
import { spentOf } from "./spent.ts";

const tokens = { inputTokens: 5n, cachedInputTokens: 3n, outputTokens: 2n };

test("a call takes what was paid, all its tokens of whatever kind, and one call", () => {
  assert.deepEqual(spentOf({ ...tokens, outcome: "completed", costNanos: 7n }), { money: 7n, tokens: 10n, calls: 1n });
  const otherBuckets = { reasoning: 100n, cacheWrite1h: 1_000n, images: 9n };
  const spent = spentOf({ ...tokens, otherBuckets, outcome: "canceled", costNanos: 0n });
  assert.deepEqual(spent, { money: 0n, tokens: 1_110n, calls: 1n });
});

test("a call that failed or was lost is none", () => {
  const callsOf = (outcome: Parameters<typeof spentOf>[0]["outcome"]) =>
    spentOf({ ...tokens, outcome, costNanos: 7n }).calls;
  assert.deepEqual((["failed", "lost", "truncated", "canceled"] as const).map(callsOf), [0n, 0n, 1n, 1n]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { itemize } from "./cost-lines.ts";

const noon = { startedAtMs: Date.UTC(2026, 0, 1, 12) };

test("a cost is itemized bucket by bucket at the rates it was charged at, empty buckets have no line", () => {
  const terms = {
    rates: { input: 1_000_000n, output: 2_000_000n },
    tiers: [{ aboveInputTokens: 3n, rates: { input: 1_500_000n } }],
    markupPpm: 100_000,
  };
  const cost = itemize(terms, { input: 3n, cacheRead: 1n, output: 0n, toolCalls: 2n }, noon);
  const line = (bucket: string, quantity: bigint, nanosPerMillion: bigint) => {
    return { bucket, quantity, nanosPerMillion, trillionths: quantity * nanosPerMillion * 1_000_000n };
  };
  assert.deepEqual(cost.lines, [
    line("input", 3n, 1_500_000n),
    line("cacheRead", 1n, 1_500_000n),
    line("toolCalls", 2n, 0n),
  ]);
  assert.equal(cost.markupTrillionths, 6_000_000n * 100_000n);
  assert.equal(cost.costNanos, 7n, "6.6 rounded up");
  const lines = cost.lines.reduce((sum, { trillionths }) => sum + trillionths, 0n);
  assert.equal(lines + cost.markupTrillionths + cost.roundingTrillionths, cost.costNanos * 10n ** 12n);
  assert.equal(itemize({ rates: terms.rates }, { input: 1n }, noon).markupTrillionths, 0n);
});

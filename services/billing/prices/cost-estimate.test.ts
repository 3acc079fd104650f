import assert from "node:assert/strict";
import { test } from "node:test";
import { createEstimates, proposeTerms } from "./cost-estimate.ts";
import type { ChargedCall } from "./costing-store.ts";

const priceOf = (model: string, input: bigint, provider = "p") => ({ provider, model, terms: { rates: { input } } });
const callOf = (model: string, chargedNanos: bigint, more: Partial<ChargedCall> = {}): ChargedCall => ({
  ...{
    provider: "p",
    model,
    chargedNanos,
    inputTokens: 10n,
    cachedInputTokens: 0n,
    outputTokens: 0n,
    startedAtMs: 0,
    serviceMode: undefined,
  },
  ...more,
});

test("what is tried counts before what holds for all, a plan's own before both, and a mark-up on all but that", () => {
  const general = [priceOf("a", 1n), priceOf("b", 2n), priceOf("c", 3n)];
  const prices = [priceOf("b", 20n), priceOf("c", 30n), priceOf("d", 40n)];
  const own = [priceOf("c", 300n)];
  assert.deepEqual(
    [...proposeTerms({ prices, general, own, markupPpm: 5 }).values()],
    [
      ...[{ rates: { input: 1n }, markupPpm: 5 }, { rates: { input: 20n }, markupPpm: 5 }, { rates: { input: 300n } }],
      { rates: { input: 40n }, markupPpm: 5 },
    ],
  );
  const plain = proposeTerms({ prices, general: [], own: [], markupPpm: undefined });
  assert.deepEqual(
    [...plain.values()],
    prices.map(({ terms }) => terms),
  );
});

test("calls are added up by provider and model, and counted by whether they would be cheaper, dearer, or are not proposed", () => {
  const estimates = createEstimates(
    proposeTerms({ prices: [priceOf("m", 1_000_000n)], general: [], own: [], markupPpm: undefined }),
  );
  for (const chargedNanos of [8n, 9n, 10n, 11n]) estimates.add(callOf("m", chargedNanos));
  estimates.add(callOf("k", 7n));
  estimates.add(callOf("m", 8n, { provider: "o" }));
  const none = { cheaper: 0n, dearer: 0n, unchanged: 0n };
  assert.deepEqual(estimates.list(), [
    { ...none, provider: "o", model: "m", calls: 1n, chargedNanos: 8n, proposedNanos: 8n, unchanged: 1n },
    { ...none, provider: "p", model: "k", calls: 1n, chargedNanos: 7n, proposedNanos: 7n, unchanged: 1n },
    {
      provider: "p",
      model: "m",
      calls: 4n,
      chargedNanos: 38n,
      proposedNanos: 40n,
      cheaper: 1n,
      dearer: 2n,
      unchanged: 0n,
    },
  ]);
});

test("a call is charged anew as it was served: by its mode and the time at which it began", () => {
  const terms = {
    rates: { input: 1_000_000n },
    modes: { batch: { input: 500_000n } },
    windows: [{ fromMinute: 1, toMinute: 2, rates: { input: 3_000_000n } }],
  };
  const estimates = createEstimates(
    proposeTerms({ prices: [{ provider: "p", model: "m", terms }], general: [], own: [], markupPpm: 0 }),
  );
  estimates.add(callOf("m", 0n, { serviceMode: "batch", startedAtMs: 60_000 }));
  assert.equal(estimates.list()[0]?.proposedNanos, 5n);
  estimates.add(callOf("m", 0n, { startedAtMs: 60_000 }));
  assert.equal(estimates.list()[0]?.proposedNanos, 35n);
});

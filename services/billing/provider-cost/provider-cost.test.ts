import assert from "node:assert/strict";
import { test } from "node:test";
import { fromRatesJson, hasSameRates, providerCostNanos, toRatesJson } from "./provider-cost.ts";

test("what an attempt costs us is the exact sum of its buckets, rounded up", () => {
  const rates = { input: 1_000_000n, cacheRead: 500_000n, output: 2_000_000n, reasoning: 3_000_000n };
  const tokens = { inputTokens: 5n, cachedInputTokens: 3n, outputTokens: 2n };
  assert.equal(providerCostNanos(rates, tokens), 11n);
  assert.equal(providerCostNanos(rates, { ...tokens, otherBuckets: { reasoning: 2n } }), 17n);
});

test("rates come back from the database as they went in, and what is no bucket is left out", () => {
  const rates = { input: 12n, toolCalls: 10n ** 18n };
  assert.deepEqual(toRatesJson(rates), { input: "12", toolCalls: "1000000000000000000" });
  assert.deepEqual(fromRatesJson(toRatesJson(rates)), rates);
  assert.deepEqual(fromRatesJson({ input: "12", surprise: "3" }), { input: 12n });
});

test("rates are the same bucket by bucket, in whatever order", () => {
  assert.ok(hasSameRates({ input: 1n, output: 2n }, { output: 2n, input: 1n }));
  assert.ok(!hasSameRates({ input: 1n, output: 2n }, { input: 1n, output: 3n }));
  assert.ok(!hasSameRates({ input: 1n }, { input: 1n, output: 0n }));
});

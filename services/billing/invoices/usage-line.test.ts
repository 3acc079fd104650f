import assert from "node:assert/strict";
import { test } from "node:test";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { everyone, type Price } from "../prices/price.ts";
import type { UsageSumRow } from "./statement-store.ts";
import { toUsageLine } from "./usage-line.ts";

const priceOf = (terms: PriceTerms): Price => ({
  ...{
    ...everyone,
    priceId: "prc_1",
    provider: "p",
    model: "m",
    version: 3,
    currency: "USD",
    terms,
    origin: "operator",
  },
  ...{ effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true },
});
const rowOf = (more: Partial<UsageSumRow> = {}): UsageSumRow => ({
  ...{ provider: "p", model: "m", priceId: "prc_1", mode: null, tier: 0, windows: "", aboutPeriod: "", calls: 2n },
  ...{ sampleInputTokens: 1n, sampleBeganAt: new Date(Date.UTC(2026, 9, 2, 12)), estimatedCalls: 1n, inputTokens: 3n },
  ...{ cachedInputTokens: 2n, outputTokens: 0n, otherBuckets: null, paidNanos: 10n, uncollectedNanos: 0n, ...more },
});
const plain: PriceTerms = { rates: { input: 1_500_000n, cacheRead: 500_000n, output: 4_000_000n } };

test("a line has a bucket for what was used, and mark-up and rounding make it what was charged", () => {
  assert.deepEqual(toUsageLine(rowOf({ uncollectedNanos: 1n }), priceOf({ ...plain, markupPpm: 600_000 })), {
    ...{ provider: "p", model: "m", price_id: "prc_1", price_version: 3, service_mode: null, about_period: null },
    ...{ tier_above_input_tokens: null, calls: "2", estimated_calls: "1" },
    buckets: [
      { bucket: "input", quantity: "3", nanos_per_million: "1500000", exact_nanos: "4.5" },
      { bucket: "cacheRead", quantity: "2", nanos_per_million: "500000", exact_nanos: "1" },
    ],
    ...{ markup_nanos: "3.3", rounding_nanos: "2.2", uncollected_nanos: "1", charge_nanos: "10" },
  });
});

test("without a mark-up there is none, and buckets that only some calls have stand in the order of all buckets", () => {
  const otherBuckets = { reasoning: "5", cacheWrite5m: "1", images: "0" };
  const line = toUsageLine(rowOf({ otherBuckets, aboutPeriod: "2026-09-01" }), priceOf(plain));
  const used = line.buckets.map(({ bucket, quantity, exact_nanos }) => [bucket, quantity, exact_nanos]);
  assert.deepEqual(used, [
    ["input", "3", "4.5"],
    ["cacheRead", "2", "1"],
    ["cacheWrite5m", "1", "1.5"],
    ["reasoning", "5", "20"],
  ]);
  assert.deepEqual([line.markup_nanos, line.rounding_nanos, line.about_period], ["0", "-17", "2026-09-01"]);
});

test("the rates are those of the calls' tier, mode and time, and the line names the highest tier and the mode", () => {
  const tier = (aboveInputTokens: bigint, input: bigint) => ({ aboveInputTokens, rates: { input } });
  const terms: PriceTerms = {
    ...plain,
    tiers: [tier(10n, 2_000_000n), tier(30n, 4_000_000n), tier(20n, 3_000_000n)],
    modes: { batch: { cacheRead: 250_000n } },
    windows: [{ fromMinute: 720, toMinute: 721, rates: { output: 1n } }],
  };
  const lineOf = (sampleInputTokens: bigint) => {
    const line = toUsageLine(rowOf({ sampleInputTokens, mode: "batch", outputTokens: 1n }), priceOf(terms));
    assert.equal(line.service_mode, "batch");
    return [line.tier_above_input_tokens, ...line.buckets.map((bucket) => bucket.nanos_per_million)];
  };
  assert.deepEqual(lineOf(10n), [null, "1500000", "250000", "1"]);
  assert.deepEqual(lineOf(11n), ["10", "2000000", "250000", "1"]);
  assert.deepEqual(lineOf(31n), ["30", "4000000", "250000", "1"]);
});

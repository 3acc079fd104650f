import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import {
  affordableOutputTokens,
  type Bucket,
  boundNanos,
  buckets,
  costOf,
  type PriceTerms,
  type Rates,
} from "./price.ts";

const noon = { startedAtMs: Date.UTC(2026, 0, 1, 12) };
const usd = (perMillion: number) => BigInt(Math.round(perMillion * 1e9));

test("a cost is the exact sum of bucket times rate, rounded up once", () => {
  const terms: PriceTerms = { rates: { input: 150_000_001n, cacheRead: 75_000_000n, output: 600_000_000n } };
  assert.deepEqual(costOf(terms, { input: 3n, cacheRead: 2n, output: 7n }, noon), {
    costNanos: 4_801n,
    roundingTrillionths: 4_801n * 10n ** 12n - (3n * 150_000_001n + 2n * 75_000_000n + 7n * 600_000_000n) * 10n ** 6n,
  });
  assert.deepEqual(costOf(terms, {}, noon), { costNanos: 0n, roundingTrillionths: 0n });
});

test("B20: of 1 to 50 tokens at 0.01 to 0.10 per million no call is free, and none errs by a nano or in the other direction", () => {
  const seed = 20;
  const { between } = createSeeded(seed);
  const calls = process.env["SCENARIO_FULL"] === "1" ? 10_000_000 : 200_000;
  for (let i = 0; i < calls; i++) {
    const rate = BigInt(between(10_000_000, 100_000_000)) / BigInt(between(1, 1_000));
    const tokens = BigInt(between(1, 50));
    const { costNanos, roundingTrillionths } = costOf({ rates: { input: rate } }, { input: tokens }, noon);
    const exact = tokens * rate * 10n ** 6n;
    assert.ok(costNanos > 0n && roundingTrillionths >= 0n && roundingTrillionths < 10n ** 12n, `seed ${seed}, ${i}`);
    assert.equal(costNanos * 10n ** 12n - roundingTrillionths, exact);
  }
});

test("a bucket without a rate costs as much as the one it is a kind of, and what is no token is free", () => {
  const terms: PriceTerms = { rates: { input: usd(1), output: usd(2) } };
  const costs = Object.fromEntries(
    buckets.map((bucket) => [bucket, costOf(terms, { [bucket]: 1_000n }, noon).costNanos]),
  );
  assert.deepEqual(costs, {
    ...{ input: 1_000_000n, cacheRead: 1_000_000n, cacheWrite5m: 1_000_000n, cacheWrite1h: 1_000_000n },
    ...{ output: 2_000_000n, reasoning: 2_000_000n, audioInput: 1_000_000n, audioOutput: 2_000_000n },
    ...{ imageInput: 1_000_000n, imageOutput: 2_000_000n },
    ...{ toolCalls: 0n, requests: 0n, images: 0n, seconds: 0n, characters: 0n },
  });
});

test("a tier counts from the first token above its mark, whatever kind of input fills it", () => {
  const terms: PriceTerms = {
    rates: { input: usd(1), output: usd(2) },
    tiers: [
      { aboveInputTokens: 200n, rates: { input: usd(4), output: usd(6) } },
      { aboveInputTokens: 100n, rates: { input: usd(2) } },
    ],
  };
  assert.equal(costOf(terms, { input: 50n, cacheRead: 50n }, noon).costNanos, 100_000n);
  assert.equal(costOf(terms, { input: 51n, cacheRead: 50n, output: 1n }, noon).costNanos, 204_000n);
  assert.equal(costOf(terms, { input: 201n, output: 1n }, noon).costNanos, 810_000n);
});

test("a window of the day holds from its first minute up to its last, also past midnight, and a mode above it", () => {
  const terms: PriceTerms = {
    rates: { input: usd(1) },
    windows: [{ fromMinute: 1_380, toMinute: 60, rates: { input: usd(0.5) } }],
    modes: { batch: { input: usd(0.25) } },
  };
  const at = (hour: number, minute: number) => ({ startedAtMs: Date.UTC(2026, 5, 1, hour, minute) });
  const cost = (when: { startedAtMs: number }) => costOf(terms, { input: 1_000n }, when).costNanos;
  assert.deepEqual([at(22, 59), at(23, 0), at(0, 59), at(1, 0)].map(cost), [
    1_000_000n,
    500_000n,
    500_000n,
    1_000_000n,
  ]);
  assert.equal(costOf(terms, { input: 1_000n }, { ...at(0, 0), mode: "batch" }).costNanos, 250_000n);
  assert.equal(costOf(terms, { input: 1_000n }, { ...at(0, 0), mode: "priority" }).costNanos, 500_000n);
});

test("a mark-up and a discount apply to the exact sum, and the whole is rounded once", () => {
  const cost = (markupPpm: number) => costOf({ rates: { input: 1_500_000n }, markupPpm }, { input: 1n }, noon);
  assert.equal(cost(100_000).costNanos, 2n);
  assert.deepEqual(cost(-333_333), { costNanos: 2n, roundingTrillionths: 2n * 10n ** 12n - 1_500_000n * 666_667n });
  assert.deepEqual(cost(-1_000_000), { costNanos: 0n, roundingTrillionths: 0n });
});

/** Any terms that a price may have. */
function drawTerms({ between }: ReturnType<typeof createSeeded>): PriceTerms {
  const drawRates = (): Rates =>
    Object.fromEntries(
      buckets.filter(() => between(0, 2) > 0).map((bucket) => [bucket, BigInt(between(0, 75_000_000_000))]),
    );
  return {
    rates: drawRates(),
    ...(between(0, 1) && {
      tiers: Array.from({ length: between(1, 3) }, () => ({
        aboveInputTokens: BigInt(between(0, 50)),
        rates: drawRates(),
      })),
    }),
    ...(between(0, 1) && { modes: { batch: drawRates(), priority: drawRates() } }),
    ...(between(0, 1) && {
      windows: [{ fromMinute: between(0, 1_439), toMinute: between(0, 1_440), rates: drawRates() }],
    }),
    ...(between(0, 1) && { markupPpm: between(-1_000_000, 2_000_000) }),
  };
}

test("no split of input and output over their buckets costs more than the bound, served as asked or as usual, and what is affordable fits exactly", () => {
  const seed = 4;
  const seeded = createSeeded(seed);
  const { between } = seeded;
  const inputs: Bucket[] = ["input", "cacheRead", "cacheWrite5m", "cacheWrite1h", "audioInput", "imageInput"];
  const outputs: Bucket[] = ["output", "reasoning", "audioOutput", "imageOutput"];
  for (let i = 0; i < 20_000; i++) {
    const where = `seed ${seed}, round ${i}`;
    const terms = drawTerms(seeded);
    const call = {
      startedAtMs: between(0, 1_000_000_000),
      mode: (["standard", "batch", "priority"] as const)[between(0, 2)] ?? "standard",
    };
    const most = { inputTokens: BigInt(between(0, 60)), outputTokens: BigInt(between(0, 60)) };
    const quantities: { [B in Bucket]?: bigint } = {};
    const spread = (total: bigint, over: readonly Bucket[]) => {
      for (let left = between(0, Number(total)); left > 0; left--) {
        const bucket = over[between(0, over.length - 1)] ?? "input";
        quantities[bucket] = (quantities[bucket] ?? 0n) + 1n;
      }
    };
    spread(most.inputTokens, inputs);
    spread(most.outputTokens, outputs);
    const bound = boundNanos(terms, most, call);
    assert.ok(costOf(terms, quantities, call).costNanos <= bound, where);
    assert.ok(costOf(terms, quantities, { startedAtMs: call.startedAtMs }).costNanos <= bound, where);

    const choices = BigInt(between(1, 4));
    const nanos = BigInt(between(0, 6_000_000));
    const tokens = affordableOutputTokens(terms, { ...most, choices }, nanos, call);
    const costWith = (output: bigint) => boundNanos(terms, { ...most, outputTokens: output * choices }, call);
    if (tokens >= 0n) assert.ok(costWith(tokens) <= nanos, where);
    if (tokens < most.outputTokens) assert.ok(costWith(tokens + 1n) > nanos, where);
  }
});

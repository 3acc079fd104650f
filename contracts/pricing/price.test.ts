import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import {
  affordableOutputTokens,
  type Bucket,
  boundNanos,
  buckets,
  type CallTerms,
  callTerms,
  costOf,
  inputBuckets,
  nanosPerUnit,
  outputBuckets,
  type PriceTerms,
  ratesFor,
  serviceModes,
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
  const calls = process.env["SCENARIO_FULL"] === "1" ? 10_000_000 : 20_000;
  for (let i = 0; i < calls; i++) {
    const rate = BigInt(between(10_000_000, 100_000_000)) / BigInt(between(1, 1_000));
    const tokens = BigInt(between(1, 50));
    const { costNanos, roundingTrillionths } = costOf({ rates: { input: rate } }, { input: tokens }, noon);
    const exact = tokens * rate * 10n ** 6n;
    assert.ok(costNanos > 0n && roundingTrillionths >= 0n && roundingTrillionths < 10n ** 12n, `seed ${seed}, ${i}`);
    assert.equal(costNanos * 10n ** 12n - roundingTrillionths, exact);
  }
});

test("W27, W31: a bucket without a rate costs as much as the one it is a kind of, and what is no token is free", () => {
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

test("W27: a tier counts from the first token above its mark, whatever kind of input fills it", () => {
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

test("W27: a window of the day holds from its first minute up to its last, also past midnight, and a mode above it", () => {
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

test("of two tiers with the same mark the first counts, in whichever order they stand it is the highest that applies", () => {
  const tier = (aboveInputTokens: bigint, input: bigint) => ({ aboveInputTokens, rates: { input } });
  const terms = { rates: { input: 1n, output: 9n }, tiers: [tier(0n, 2n), tier(10n, 3n), tier(10n, 4n), tier(5n, 5n)] };
  const rates = (inputTokens: bigint) => ratesFor(terms, inputTokens, noon);
  assert.deepEqual(rates(0n), { input: 1n, output: 9n });
  assert.deepEqual([1n, 5n, 6n, 10n, 11n].map(rates), [
    ...[2n, 2n, 5n, 5n, 3n].map((input) => ({ input, output: 9n })),
  ]);
});

test("a window within a day ends before its last minute, later ones stand above earlier ones, and an empty one never holds", () => {
  const window = (fromMinute: number, toMinute: number, input: bigint) => ({ fromMinute, toMinute, rates: { input } });
  const windows = [window(60, 120, 2n), window(90, 100, 3n), window(200, 200, 4n)];
  const rateAt = (minute: number) =>
    ratesFor({ rates: { input: 1n }, windows }, 0n, { startedAtMs: minute * 60_000 }).input;
  assert.deepEqual([0, 59, 60, 90, 99, 100, 119, 120, 200].map(rateAt), [1n, 1n, 2n, 3n, 3n, 2n, 2n, 1n, 1n]);
  assert.equal(rateAt(1_440 + 60), 2n, "of the next day");
  assert.equal(rateAt(59.999), 1n);
});

test("a price of one set of rates is not copied, and a mode, a window or a tier alone takes effect", () => {
  const rates = { input: 1n, output: 1n };
  const other = { input: 2n };
  const call: CallTerms = { ...noon, mode: "batch" };
  assert.equal(ratesFor({ rates }, 5n, call), rates);
  const changed = { input: 2n, output: 1n };
  assert.deepEqual(ratesFor({ rates, modes: { batch: other } }, 5n, call), changed);
  assert.deepEqual(ratesFor({ rates, modes: { batch: other } }, 5n, noon), rates);
  assert.deepEqual(ratesFor({ rates, modes: { batch: other } }, 5n, { ...noon, mode: "standard" }), rates);
  assert.deepEqual(ratesFor({ rates, tiers: [{ aboveInputTokens: 4n, rates: other }] }, 5n, call), changed);
  const tier = { aboveInputTokens: 4n, rates: other, modes: { batch: other } };
  const half = { batch: { input: 1n, output: 1n } };
  assert.deepEqual(ratesFor({ rates, modes: half, tiers: [tier] }, 5n, call), { ...changed, ...half.batch, ...other });
  assert.deepEqual(ratesFor({ rates, modes: half, tiers: [tier] }, 4n, call), { ...rates, ...half.batch });
  const allDay = { fromMinute: 0, toMinute: 1_440, rates: other };
  assert.deepEqual(ratesFor({ rates, windows: [allDay] }, 5n, call), changed);
  assert.deepEqual(rates, { input: 1n, output: 1n });
});

test("the terms of a call name a mode only when it has one", () => {
  assert.deepEqual(callTerms(5n, undefined), { startedAtMs: 5 });
  assert.deepEqual(callTerms(5, "flex"), { startedAtMs: 5, mode: "flex" });
});

test("modes and units are called what stored prices call them", () => {
  assert.deepEqual(serviceModes, ["standard", "batch", "flex", "priority"]);
  assert.equal(nanosPerUnit, 10n ** 9n);
});

/** What 1,000,000 tokens of either side cost at most: its rate. */
const boundOf = (terms: PriceTerms, call: CallTerms = noon, inputTokens = 1_000_000n) => ({
  input: boundNanos(terms, { inputTokens, outputTokens: 0n }, call),
  output: boundNanos(terms, { inputTokens: 0n, outputTokens: 1_000_000n }, call),
});

test("a bound goes by the dearest kind of input and the dearest kind of output", () => {
  for (const bucket of buckets) {
    const terms = { rates: { input: 2n, output: 3n, [bucket]: 7n } };
    const side = (among: readonly Bucket[], usual: bigint) => (among.includes(bucket) ? 7n : usual);
    assert.deepEqual(boundOf(terms), { input: side(inputBuckets, 2n), output: side(outputBuckets, 3n) }, bucket);
  }
});

test("a bound covers each tier that a smaller call falls into, none that it cannot reach, and the usual service", () => {
  const tiers = [
    { aboveInputTokens: 10n, rates: { input: 5n } },
    { aboveInputTokens: 999_999n, rates: { input: 4n } },
    { aboveInputTokens: 1_000_000n, rates: { input: 9n } },
  ];
  assert.equal(boundOf({ rates: { input: 3n }, tiers }).input, 5n);
  assert.equal(boundOf({ rates: { input: 8n }, tiers }).input, 8n);
  assert.equal(boundOf({ rates: { input: 3n }, tiers: tiers.slice(1) }).input, 4n);
  const night = { fromMinute: 0, toMinute: 60, rates: { input: 2n } };
  const terms = { rates: { input: 3n }, windows: [night], modes: { batch: { input: 1n }, priority: { input: 6n } } };
  const midnight = { startedAtMs: Date.UTC(2026, 0, 1) };
  assert.equal(boundOf(terms, { ...noon, mode: "batch" }).input, 3n);
  assert.equal(boundOf(terms, { ...midnight, mode: "batch" }).input, 2n);
  assert.equal(boundOf(terms, { ...noon, mode: "priority" }).input, 6n);
});

test("a bound counts what is fixed at the dearest that a call of so much input can pay for it", () => {
  const terms: PriceTerms = {
    rates: { input: 1n, output: 1n, requests: 5n, images: 2n },
    tiers: [{ aboveInputTokens: 0n, rates: { images: 3n } }],
  };
  const most = {
    inputTokens: 10n ** 6n,
    outputTokens: 10n ** 6n,
    fixed: { requests: 10n ** 6n, images: 2n * 10n ** 6n },
  };
  assert.equal(boundNanos(terms, most, noon), 1n + 1n + 5n + 6n);
  assert.equal(boundNanos({ ...terms, markupPpm: 1_000_000 }, most, noon), 26n);
  assert.equal(boundNanos(terms, { inputTokens: 1n, outputTokens: 0n }, noon), 1n, "rounded up");
});

test("what is affordable is what is left beside the input, divided among the answers, and no more than was asked for", () => {
  const terms: PriceTerms = { rates: { input: 1_000_000n, output: 2_000_000n } };
  const affordable = (nanos: bigint, choices = 1n, of: PriceTerms = terms) =>
    affordableOutputTokens(of, { inputTokens: 10n, outputTokens: 50n, choices }, nanos, noon);
  assert.deepEqual(
    [9n, 10n, 11n, 12n, 109n, 110n, 500n].map((nanos) => affordable(nanos)),
    [-1n, 0n, 0n, 1n, 49n, 50n, 50n],
  );
  assert.deepEqual([affordable(59n, 5n), affordable(60n, 5n), affordable(10n, 5n)], [4n, 5n, 0n]);
  const freeOutput = { rates: { input: 1_000_000n } };
  assert.deepEqual([affordable(9n, 1n, freeOutput), affordable(10n, 1n, freeOutput)], [-1n, 50n]);
  const half = { ...terms, markupPpm: -500_000 };
  assert.deepEqual([affordable(4n, 1n, half), affordable(5n, 1n, half), affordable(6n, 1n, half)], [-1n, 0n, 1n]);
  assert.equal(affordable(0n, 1n, { ...terms, markupPpm: -1_000_000 }), 50n);
});

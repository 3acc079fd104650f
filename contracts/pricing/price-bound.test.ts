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
        ...(between(0, 1) && { modes: { batch: drawRates() } }),
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

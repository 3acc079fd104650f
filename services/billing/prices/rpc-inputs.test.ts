import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceMode } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { buckets } from "@lyss/contracts/pricing/price.ts";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import type { z } from "zod";
import { markupInput, maxInt64, serviceModeInput, termsInput, usageInput } from "./rpc-inputs.ts";

const isTaken = (schema: z.ZodType, values: readonly unknown[]) =>
  values.map((value) => schema.safeParse(value).success);
const rates = { input: 1n };
const termsOf = (more: object = {}) => ({ rates, tiers: [], windows: [], markupPpm: 0, ...more });
const counts = { inputTokens: 1n, cachedInputTokens: 2n, outputTokens: 3n };

test("an amount is none that is negative, or that the database cannot hold", () => {
  assert.equal(maxInt64, 9_223_372_036_854_775_807n);
  const usage = (inputTokens: bigint) => ({ ...counts, inputTokens });
  assert.deepEqual(isTaken(usageInput, [usage(-1n), usage(0n), usage(maxInt64), usage(maxInt64 + 1n)]), [
    ...[false, true, true, false],
  ]);
});

test("usage that is left out is none where it must be known", () => {
  assert.deepEqual(usageInput.parse(undefined), { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n });
  const other = Object.fromEntries(otherBucketNames.map((bucket, i) => [bucket, BigInt(i + 1)]));
  assert.deepEqual(usageInput.parse(counts), counts);
  assert.deepEqual(usageInput.parse({ ...counts, other }), { ...counts, otherBuckets: other });
  assert.ok(!usageInput.safeParse({ ...counts, other: { ...other, reasoning: -1n } }).success);
  assert.ok(!usageInput.safeParse({ inputTokens: 1n }).success);
});

test("a mode is one of the contract's; the usual one is none", () => {
  const { UNSPECIFIED, BATCH, FLEX, PRIORITY } = ServiceMode;
  assert.deepEqual(
    [UNSPECIFIED, BATCH, FLEX, PRIORITY].map((mode) => serviceModeInput.parse(mode)),
    [undefined, "batch", "flex", "priority"],
  );
  assert.ok(!serviceModeInput.safeParse(99).success);
});

test("terms name at least one rate in each of their parts, of any bucket", () => {
  assert.deepEqual(termsInput.parse(termsOf()), { rates });
  for (const bucket of buckets) {
    assert.deepEqual(termsInput.parse(termsOf({ rates: { [bucket]: 0n } })), { rates: { [bucket]: 0n } });
  }
  const [first] = termsInput.safeParse(termsOf({ rates: {} })).error?.issues ?? [];
  assert.match(String(first?.message), /^must name the rate of at least one bucket\0必须至少给出一个计费项的费率$/u);
  const parts = [
    ...[{ batch: {} }, { flex: {} }, { priority: {} }, { tiers: [{ aboveInputTokens: 1n, rates: {} }] }],
    ...[{ windows: [{ fromMinute: 0, toMinute: 1, rates: {} }] }, { rates: { input: -1n } }],
  ];
  assert.ok(!isTaken(termsInput, parts.map(termsOf)).includes(true));
});

test("terms have their bounds, and all that lies within them is kept", () => {
  const tiers = (length: number) => termsOf({ tiers: Array.from({ length }, () => ({ aboveInputTokens: 5n, rates })) });
  const window = (fromMinute: number, toMinute: number) => ({ fromMinute, toMinute, rates });
  const windows = (length: number) => termsOf({ windows: Array.from({ length }, () => window(0, 1)) });
  assert.deepEqual(isTaken(termsInput, [tiers(16), tiers(17), windows(24), windows(25)]), [true, false, true, false]);
  const minutes = [window(0, 1_440), window(-1, 5), window(5, -1), window(1_441, 5), window(5, 1_441), window(0.5, 5)];
  assert.deepEqual(
    isTaken(
      termsInput,
      minutes.map((one) => termsOf({ windows: [one] })),
    ),
    [...[true, false, false, false, false, false]],
  );
  assert.deepEqual(isTaken(markupInput, [-1_000_001, -1_000_000, 1_000_000_000, 1_000_000_001, 0.5]), [
    ...[false, true, true, false, false],
  ]);
  assert.ok(!termsInput.safeParse(termsOf({ tiers: [{ aboveInputTokens: -1n, rates }] })).success);
  const full = {
    ...{ tiers: [{ aboveInputTokens: 5n, rates }], windows: [window(0, 1)], markupPpm: 7 },
    ...{ batch: rates, flex: rates, priority: rates },
  };
  assert.deepEqual(termsInput.parse(termsOf(full)), {
    ...{ rates, tiers: full.tiers, windows: full.windows, markupPpm: 7 },
    modes: { batch: rates, flex: rates, priority: rates },
  });
});

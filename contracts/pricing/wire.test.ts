import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { PriceTermsSchema, ServiceMode, TokenUsageSchema } from "../gen/lyss/billing/v1/billing_pb.js";
import { buckets, type PriceTerms, serviceModes } from "./price.ts";
import { otherBucketNames } from "./token-price.ts";
import {
  fromServiceModeMessage,
  fromTermsMessage,
  fromUsageMessage,
  serviceModeMessages,
  toTermsMessage,
  toUsageMessage,
} from "./wire.ts";

const sent = (terms: PriceTerms) =>
  fromTermsMessage(
    fromBinary(PriceTermsSchema, toBinary(PriceTermsSchema, create(PriceTermsSchema, toTermsMessage(terms)))),
  );

test("terms arrive as they were sent, with every bucket's rate and every part, and without what they have not", () => {
  const rates = Object.fromEntries(buckets.map((bucket, i) => [bucket, 10n ** 15n + BigInt(i)]));
  const full: PriceTerms = {
    rates,
    tiers: [
      { aboveInputTokens: 200_000n, rates: { input: 0n } },
      { aboveInputTokens: 5n, rates: { output: 7n } },
    ],
    modes: { batch: { input: 1n }, flex: { input: 2n }, priority: { input: 3n } },
    windows: [{ fromMinute: 0, toMinute: 990, rates: { output: 5n } }],
    markupPpm: -250_000,
  };
  assert.deepEqual(sent(full), full);
  assert.deepEqual(sent({ rates: { input: 1n } }), { rates: { input: 1n } });
  for (const mode of ["batch", "flex", "priority"] as const) {
    const terms = { rates: { input: 1n }, modes: { [mode]: { output: 2n } } };
    assert.deepEqual(sent(terms), terms);
  }
  assert.deepEqual(sent({ rates: {}, markupPpm: 0 }), { rates: {} });
  assert.deepEqual(fromTermsMessage(create(PriceTermsSchema, {})), { rates: {} });
});

test("each mode has its own name on the wire; one that is not known here is charged as the usual one", () => {
  const { UNSPECIFIED, BATCH, FLEX, PRIORITY } = ServiceMode;
  assert.deepEqual(serviceModeMessages, { standard: UNSPECIFIED, batch: BATCH, flex: FLEX, priority: PRIORITY });
  for (const mode of serviceModes) assert.equal(fromServiceModeMessage(serviceModeMessages[mode]), mode);
  assert.equal(fromServiceModeMessage(99 as ServiceMode), "standard");
});

test("what was used arrives as it was sent; other buckets only where there are any", () => {
  const counts = { inputTokens: 1n, cachedInputTokens: 2n, outputTokens: 3n };
  const told = (used: Parameters<typeof toUsageMessage>[0]) =>
    fromUsageMessage(
      fromBinary(TokenUsageSchema, toBinary(TokenUsageSchema, create(TokenUsageSchema, toUsageMessage(used)))),
    );
  assert.deepEqual(told(counts), counts);
  assert.ok(!("other" in toUsageMessage(counts)));
  const otherBuckets = Object.fromEntries(otherBucketNames.map((bucket, i) => [bucket, BigInt(i + 1)]));
  assert.deepEqual(told({ ...counts, otherBuckets }), { ...counts, otherBuckets });
  assert.deepEqual(told({ ...counts, otherBuckets: { images: 0n } }), counts);
});

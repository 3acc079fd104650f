import assert from "node:assert/strict";
import { test } from "node:test";
import { buckets, type PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { z } from "zod";
import { everyone, type Price } from "./price.ts";
import {
  bucketCounts,
  bucketFields,
  priceBody,
  termsBody,
  termsInputBody,
  toBucketCounts,
  toPriceBody,
  toTermsBody,
} from "./price-body.ts";

const full: PriceTerms = {
  rates: { input: 1n, cacheRead: 0n, output: 10n ** 17n },
  tiers: [{ aboveInputTokens: 200_000n, rates: { input: 2n }, modes: { batch: { input: 1n } } }],
  modes: { batch: { output: 3n }, flex: { output: 4n }, priority: { output: 5n } },
  windows: [{ fromMinute: 0, toMinute: 1_440, rates: { toolCalls: 6n } }],
  markupPpm: -250_000,
};
const written = {
  rates: { input: "1", cache_read: "0", output: "100000000000000000" },
  tiers: [{ above_input_tokens: "200000", rates: { input: "2" }, modes: { batch: { input: "1" } } }],
  modes: { batch: { output: "3" }, flex: { output: "4" }, priority: { output: "5" } },
  windows: [{ from_minute: 0, to_minute: 1_440, rates: { tool_calls: "6" } }],
  markup_ppm: -250_000,
};
const isTaken = (terms: object) => termsInputBody.safeParse({ rates: { input: "1" }, ...terms }).success;
const reasonOf = (terms: object) => String(termsInputBody.safeParse(terms).error?.issues[0]?.message);

test("terms are shown with all their parts as text, and read from it as they were", () => {
  assert.deepEqual(toTermsBody(full), written);
  assert.deepEqual(termsInputBody.parse(written), full);
  assert.ok(termsBody.safeParse(written).success);
  const plain = { rates: { input: 1n } };
  const none = { tiers: [], modes: {}, windows: [], markup_ppm: 0 };
  assert.deepEqual(toTermsBody(plain), { rates: { input: "1" }, ...none });
  assert.deepEqual(termsInputBody.parse({ rates: { input: "1" } }), plain);
  assert.deepEqual(termsInputBody.parse({ rates: { input: "1" }, ...none }), plain);
});

test("each bucket has a name of its own, by which its rate is shown and read", () => {
  const rates = Object.fromEntries(buckets.map((bucket, i) => [bucket, BigInt(i)]));
  const { rates: shown } = toTermsBody({ rates });
  assert.deepEqual(shown, Object.fromEntries(buckets.map((bucket, i) => [bucketFields[bucket], String(i)])));
  assert.deepEqual(termsInputBody.parse({ rates: shown }), { rates });
  assert.deepEqual(Object.values(bucketFields), [
    ...[
      "input",
      "cache_read",
      "cache_write_5m",
      "cache_write_1h",
      "output",
      "reasoning",
      "audio_input",
      "audio_output",
    ],
    ...["image_input", "image_output", "tool_calls", "requests", "images", "seconds", "characters"],
  ]);
});

test("a rate is a whole number of up to eighteen digits, as text, and at least one is named", () => {
  for (const input of ["0", "9".repeat(18)]) assert.ok(isTaken({ rates: { input } }));
  for (const input of ["", "-1", "1.5", "x1", "1x", "1".repeat(19)]) {
    assert.match(
      reasonOf({ rates: { input } }),
      /^must be a whole number of up to 18 digits, as text\0必须是最多 18 位数字的整数（文本）$/u,
      input,
    );
  }
  const none = /^must name the rate of at least one bucket\0必须至少给出一个计费项的费率$/u;
  assert.match(reasonOf({ rates: {} }), none);
  for (const part of [
    { tiers: [{ above_input_tokens: "1", rates: {} }] },
    { modes: { batch: {} } },
    { windows: [{ from_minute: 0, to_minute: 1, rates: {} }] },
  ]) {
    assert.match(reasonOf({ rates: { input: "1" }, ...part }), none);
  }
  assert.ok(!isTaken({ rates: { wishes: "1" } }));
});

test("terms have their bounds: sixteen tiers, twenty-four windows within a day, and a mark-up that takes off no more than all", () => {
  const rates = { input: "1" };
  const tiers = (length: number) => ({
    tiers: Array.from({ length }, () => ({ above_input_tokens: "5", rates })),
  });
  assert.deepEqual([isTaken(tiers(16)), isTaken(tiers(17))], [true, false]);
  assert.ok(!isTaken({ tiers: [{ above_input_tokens: "-5", rates }] }));
  const window = (from_minute: number, to_minute: number) => ({ from_minute, to_minute, rates });
  const windows = (length: number) => ({ windows: Array.from({ length }, () => window(0, 1)) });
  assert.deepEqual([isTaken(windows(24)), isTaken(windows(25))], [true, false]);
  for (const [from, to, isGood] of [
    ...([
      [0, 1_440, true],
      [1_440, 0, true],
      [-1, 5, false],
      [5, -1, false],
      [1_441, 5, false],
      [5, 1_441, false],
      [0.5, 5, false],
    ] as const),
  ]) {
    assert.equal(isTaken({ windows: [window(from, to)] }), isGood, `${from} ${to}`);
  }
  assert.deepEqual(
    [-1_000_001, -1_000_000, 1_000_000_000, 1_000_000_001, 0.5].map((markup_ppm) => isTaken({ markup_ppm })),
    [false, true, true, false, false],
  );
  assert.deepEqual(
    [{ modes: { fast: rates } }, { more: 1 }, { tiers: [{ above_input_tokens: "5", rates, more: 1 }] }].map(isTaken),
    [false, false, false],
  );
  assert.ok(!isTaken({ windows: [{ ...window(0, 1), more: 1 }] }));
});

test("a price is shown with its version, its usual rates and its times", () => {
  const price: Price = {
    ...{ ...everyone, priceId: "prc_1+plv_2", provider: "p", model: "m", version: 3, currency: "USD" },
    ...{ terms: { rates: { input: 7n, output: 9n } }, origin: "operator", isInForce: true },
    ...{ effectiveAt: new Date(1_000), createdAt: new Date(2_000) },
  };
  const body = toPriceBody(price);
  assert.deepEqual(body, {
    ...{ id: "prc_1+plv_2", provider: "p", model: "m", version: 3, currency: "USD" },
    ...{ input_nanos_per_million: "7", cached_input_nanos_per_million: "7", output_nanos_per_million: "9" },
    ...{ terms: toTermsBody(price.terms), effective_at: "1970-01-01T00:00:01.000Z" },
    created_at: "1970-01-01T00:00:02.000Z",
  });
  assert.ok(priceBody.safeParse(body).success);
});

test("what was used is shown bucket by bucket, without those of which nothing was", () => {
  const counts = { inputTokens: 5n, cachedInputTokens: 0n, outputTokens: 7n, otherBuckets: { cacheWrite1h: 3n } };
  assert.deepEqual(toBucketCounts(counts), { input: 5, cache_write_1h: 3, output: 7 });
  assert.ok(bucketCounts.safeParse({ input: 5 }).success);
  assert.ok(!bucketCounts.safeParse({ wishes: 5 }).success);
});

test("each part of the terms says what it is", () => {
  const { properties = {} } = z.toJSONSchema(termsBody) as { properties?: Record<string, { description?: string }> };
  assert.deepEqual(Object.keys(properties), ["rates", "tiers", "modes", "windows", "markup_ppm"]);
  for (const [name, { description }] of Object.entries(properties)) assert.ok(description, name);
  const ofPrice = (z.toJSONSchema(priceBody) as typeof properties & { properties: typeof properties }).properties;
  for (const name of ["id", "input_nanos_per_million", "effective_at"]) assert.ok(ofPrice[name]?.description, name);
  assert.ok((z.toJSONSchema(bucketCounts) as { description?: string }).description);
});

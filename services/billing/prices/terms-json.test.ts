import assert from "node:assert/strict";
import { test } from "node:test";
import { buckets } from "@lyss/contracts/pricing/price.ts";
import { fromOtherBucketsJson, fromTermsJson } from "./terms-json.ts";

test("terms come out of the database with every part that they have, and none that they have not", () => {
  assert.deepEqual(fromTermsJson({ rates: { input: "1" } }), { rates: { input: 1n } });
  const json = {
    rates: { input: "12", cacheRead: "0", surprise: "3" },
    tiers: [{ aboveInputTokens: "200000", rates: { input: "24" }, modes: { batch: { input: "13" } } }],
    modes: { batch: { input: "6" }, priority: { output: "90" } },
    windows: [{ fromMinute: 30, toMinute: 990, rates: { output: "5" } }],
    markupPpm: 0,
  };
  assert.deepEqual(fromTermsJson(json), {
    rates: { input: 12n, cacheRead: 0n },
    tiers: [{ aboveInputTokens: 200_000n, rates: { input: 24n }, modes: { batch: { input: 13n } } }],
    modes: { batch: { input: 6n }, priority: { output: 90n } },
    windows: [{ fromMinute: 30, toMinute: 990, rates: { output: 5n } }],
    markupPpm: 0,
  });
});

test("every bucket has its rate, larger than a float can hold", () => {
  const rates = Object.fromEntries(buckets.map((bucket, i) => [bucket, 9_007_199_254_740_993n + BigInt(i)]));
  const json = Object.fromEntries(Object.entries(rates).map(([bucket, rate]) => [bucket, String(rate)]));
  assert.deepEqual(fromTermsJson({ rates: json }), { rates });
});

test("other buckets of a row are quantities, and none where the row has none", () => {
  assert.equal(fromOtherBucketsJson(null), undefined);
  assert.deepEqual(fromOtherBucketsJson({ reasoning: "7", images: "0" }), { reasoning: 7n });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { buckets } from "./price.ts";
import { foldCounts, otherBucketNames, pickCounts, toOtherQuantities, toQuantities, toTerms } from "./token-price.ts";

const counts = { inputTokens: 1n, cachedInputTokens: 2n, outputTokens: 4n };

test("three rates are terms, and counts are quantities, bucket by bucket", () => {
  const rates = { inputNanosPerMillion: 1n, cachedInputNanosPerMillion: 2n, outputNanosPerMillion: 3n };
  assert.deepEqual(toTerms(rates), { rates: { input: 1n, cacheRead: 2n, output: 3n } });
  assert.deepEqual(toQuantities(counts), { input: 1n, cacheRead: 2n, output: 4n });
  assert.deepEqual(toQuantities({ ...counts, otherBuckets: { images: 5n } }), {
    ...{ input: 1n, cacheRead: 2n, output: 4n, images: 5n },
  });
});

test("every bucket but the three is another one, and of those only what is more than nothing is kept", () => {
  assert.deepEqual([...otherBucketNames, "input", "cacheRead", "output"].sort(), [...buckets].sort());
  assert.deepEqual(toOtherQuantities({ input: 9n, reasoning: 5n, images: 0n, seconds: 7n }), {
    ...{ reasoning: 5n, seconds: 7n },
  });
  assert.equal(toOtherQuantities({ input: 9n, cacheRead: 1n, output: 2n, images: 0n }), undefined);
});

test("counts are picked out of whatever else an object holds, other buckets only where there are any", () => {
  assert.deepEqual(pickCounts({ ...counts, more: 1 } as typeof counts), counts);
  assert.deepEqual(pickCounts({ ...counts, otherBuckets: undefined }), counts);
  assert.deepEqual(pickCounts({ ...counts, otherBuckets: { images: 5n } }), {
    ...counts,
    otherBuckets: { images: 5n },
  });
});

test("tokens fold into input, what was cached and output, whatever their kind; what is no token is left out", () => {
  assert.deepEqual(foldCounts(counts), counts);
  const otherBuckets = {
    ...{ cacheWrite5m: 10n, cacheWrite1h: 100n, audioInput: 1_000n, imageInput: 10_000n },
    ...{ reasoning: 20n, audioOutput: 200n, imageOutput: 2_000n, toolCalls: 7n, images: 7n },
  };
  assert.deepEqual(foldCounts({ ...counts, otherBuckets }), {
    ...{ inputTokens: 11_111n, cachedInputTokens: 2n, outputTokens: 2_224n },
  });
  assert.deepEqual(foldCounts({ ...counts, otherBuckets: {} }), counts);
});

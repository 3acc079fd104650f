import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { scanAnswer } from "../../scan/scan-answer.ts";
import { readServiceMode, readUsage } from "./usage.ts";
import usages from "./usages.json" with { type: "json" };

test("W26, W30: cached, written and audio input are taken out of the prompt, reasoning and audio out of the completion", () => {
  const usage = {
    prompt_tokens: 1_000,
    completion_tokens: 500,
    total_tokens: 1_500,
    prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 50, audio_tokens: 30 },
    completion_tokens_details: {
      ...{ reasoning_tokens: 320, audio_tokens: 40, accepted_prediction_tokens: 9, rejected_prediction_tokens: 9 },
    },
  };
  assert.deepEqual(readUsage({ usage }), {
    ...{ inputTokens: 320n, cachedInputTokens: 600n, outputTokens: 140n },
    otherBuckets: { cacheWrite5m: 50n, audioInput: 30n, reasoning: 320n, audioOutput: 40n },
  });
});

for (const { what, usage, tokens } of usages) {
  test(`${what}, also where it is scanned`, () => {
    const body = Buffer.from(JSON.stringify({ id: "x", choices: [{ index: 0, finish_reason: "stop" }], usage }));
    const { otherBuckets, ...counts } = readUsage({ usage }) ?? assert.fail("no usage");
    const told = Object.entries({ ...counts, ...otherBuckets }).map(([name, count]) => [name, String(count)]);
    assert.deepEqual(Object.fromEntries(told), tokens);
    const scanned = scanAnswer(body);
    if (scanned) assert.deepEqual(scanned.usage, readUsage({ usage }));
  });
}

test("usage without details, with empty ones, and of an embedding has the three common buckets only", () => {
  const plain = { inputTokens: 7n, cachedInputTokens: 0n, outputTokens: 3n };
  assert.deepEqual(readUsage({ usage: { prompt_tokens: 7, completion_tokens: 3 } }), plain);
  const details = {
    prompt_tokens_details: null,
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: null },
  };
  assert.deepEqual(readUsage({ usage: { prompt_tokens: 7, completion_tokens: 3, ...details } }), plain);
  assert.deepEqual(readUsage({ usage: { prompt_tokens: 7, total_tokens: 7 } }), { ...plain, outputTokens: 0n });
});

test("W26: what came from a cache is found where Kimi and DeepSeek say it, once, and never more than the prompt", () => {
  const read = (more: object) => readUsage({ usage: { prompt_tokens: 1_000, completion_tokens: 3, ...more } });
  const cachedOf = (more: object) => [read(more)?.inputTokens, read(more)?.cachedInputTokens];
  assert.deepEqual(cachedOf({ cached_tokens: 600 }), [400n, 600n]);
  assert.deepEqual(cachedOf({ prompt_cache_hit_tokens: 600, prompt_cache_miss_tokens: 400 }), [400n, 600n]);
  const both = { cached_tokens: 600, prompt_cache_hit_tokens: 600, prompt_tokens_details: { cached_tokens: 600 } };
  assert.deepEqual(cachedOf(both), [400n, 600n]);
  assert.deepEqual(cachedOf({ cached_tokens: 600, prompt_tokens_details: { cached_tokens: 0 } }), [1_000n, 0n]);
  assert.deepEqual(cachedOf({ cached_tokens: 600, prompt_tokens_details: null }), [400n, 600n]);
  assert.deepEqual(cachedOf({ cached_tokens: 2_000 }), [0n, 1_000n]);
  for (const wrong of [null, "600", -1, 0.5]) assert.deepEqual(cachedOf({ cached_tokens: wrong }), [1_000n, 0n]);
});

test("B9: an explicit zero is a usage; none, and one that is none, is not", () => {
  const zero = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  assert.deepEqual(readUsage({ usage: { prompt_tokens: 0, completion_tokens: 0 } }), zero);
  for (const body of [{}, null, [], { usage: null }, { usage: {} }, { usage: { prompt_tokens: "7" } }]) {
    assert.equal(readUsage(body), undefined);
  }
  for (const prompt_tokens of [-1, 0.5, Number.NaN, 2e9])
    assert.equal(readUsage({ usage: { prompt_tokens } }), undefined);
});

test("W30: whatever details a provider reports, each token is counted in one bucket, and the sum is what was reported", () => {
  const seed = 31;
  const { between } = createSeeded(seed);
  for (let i = 0; i < 5_000; i++) {
    const count = () => between(0, 100);
    const usage = {
      ...{ prompt_tokens: count(), completion_tokens: count() },
      prompt_tokens_details: { cached_tokens: count(), audio_tokens: count(), cache_write_tokens: count() },
      completion_tokens_details: { reasoning_tokens: count(), audio_tokens: count() },
    };
    const counts = readUsage({ usage });
    assert.ok(counts, `seed ${seed}, ${i}`);
    const quantities = toQuantities(counts);
    const total = Object.values(quantities).reduce((sum, quantity) => sum + quantity, 0n);
    assert.equal(total, BigInt(usage.prompt_tokens + usage.completion_tokens), `seed ${seed}, ${i}`);
    assert.ok(
      Object.values(quantities).every((quantity) => quantity >= 0n),
      `seed ${seed}, ${i}`,
    );
    // Where every kind costs the same, the cost is that of the totals.
    const flat = { rates: { input: 3_000_000n, output: 5_000_000n } };
    const cost = BigInt(usage.prompt_tokens) * 3n + BigInt(usage.completion_tokens) * 5n;
    assert.equal(costOf(flat, quantities, { startedAtMs: 0 }).costNanos, cost, `seed ${seed}, ${i}`);
  }
});

test("W27: a mode is one that may have a price of its own, in a request as in an answer", () => {
  for (const mode of ["flex", "priority", "batch"]) assert.equal(readServiceMode({ service_tier: mode }), mode);
  for (const tier of ["auto", "default", "scale", "toString", "", 1, null, undefined]) {
    assert.equal(readServiceMode({ service_tier: tier }), undefined);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { usdToNanos } from "../model.ts";
import { toClientCode, toUpstreamCode } from "./close-codes.ts";
import { readRealtimeUsage } from "./realtime-usage.ts";
import { readFormats, usualFormats } from "./sound-format.ts";

/** As OpenAI's guide has it (developers.openai.com, Realtime conversations, `response.done`). */
const golden = {
  total_tokens: 253,
  input_tokens: 132,
  output_tokens: 121,
  input_token_details: {
    ...{ text_tokens: 119, audio_tokens: 13, image_tokens: 0, cached_tokens: 64 },
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
};

/** gpt-realtime: dollars per million tokens. */
const rates = {
  ...{ input: usdToNanos("4"), cacheRead: usdToNanos("0.40"), output: usdToNanos("16") },
  ...{ audioInput: usdToNanos("32"), audioOutput: usdToNanos("64") },
};

test("W50: every token of a response's usage is charged once, in its own bucket", () => {
  const tokens = readRealtimeUsage(golden);
  assert.deepEqual(tokens, {
    ...{ inputTokens: 55n, cachedInputTokens: 64n, outputTokens: 30n },
    otherBuckets: { audioInput: 13n, audioOutput: 91n },
  });
  const { costNanos } = costOf({ rates }, toQuantities(tokens), { startedAtMs: 0 });
  assert.equal(costNanos, 55n * 4_000n + 64n * 400n + 13n * 32_000n + 30n * 16_000n + 91n * 64_000n);
});

test("details that add up to more than their total are cut off there, and no usage is none", () => {
  const details = { cached_tokens: 9, audio_tokens: 9, cached_tokens_details: { audio_tokens: 2 } };
  assert.deepEqual(readRealtimeUsage({ input_tokens: 10, output_tokens: 2, input_token_details: details }), {
    ...{ inputTokens: 0n, cachedInputTokens: 9n, outputTokens: 2n },
    otherBuckets: { audioInput: 1n },
  });
  assert.equal(readRealtimeUsage(null), undefined);
  assert.equal(readRealtimeUsage({ output_tokens: 1 }), undefined);
});

test("W50: a code that says what was not received is never sent on", () => {
  assert.deepEqual([1000, 1001, 1008, 1011, 3000, 4999].map(toUpstreamCode), [1000, 1001, 1008, 1011, 3000, 4999]);
  assert.deepEqual([1005, 1006, 1015].map(toUpstreamCode), [1000, 1001, 1001]);
  assert.deepEqual([1000, 1012, 4000].map(toClientCode), [1000, 1012, 4000]);
  assert.deepEqual([1005, 1006, 1015].map(toClientCode), [1000, undefined, undefined]);
});

test("how long a sound is follows the format that the session has, in either form of the dialect", () => {
  const pcmu = { audio: { input: { format: { type: "audio/pcmu" } } } };
  assert.deepEqual(readFormats(pcmu, usualFormats), { input: 8_000, output: 48_000 });
  const former = { input_audio_format: "g711_ulaw", output_audio_format: "pcm16" };
  assert.deepEqual(readFormats(former, usualFormats), { input: 8_000, output: 48_000 });
  assert.deepEqual(readFormats(undefined, usualFormats), usualFormats);
});

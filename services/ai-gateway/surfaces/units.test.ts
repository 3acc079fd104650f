import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf, type Rates } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { readRequest } from "../call/read-request.ts";
import { pricesUnits } from "../funds/priced-units.ts";
import { createSound } from "../simulator/sound.ts";
import { readUsageOf } from "./read-units.ts";
import { lengthOf } from "./sound-length.ts";
import type { Surface } from "./surface.ts";

const toBytes = (json: object) => Buffer.from(JSON.stringify(json));

test("W31: a search is held for with all parts that its documents may count as, and charged as the provider counts them", () => {
  const read = (documents: readonly unknown[]) =>
    readRequest("rerank", toBytes({ model: "m", query: "q".repeat(50), documents }));
  assert.deepEqual(read(["a", { text: "b" }]).units, { most: { requests: 1n }, likely: { requests: 1n } });
  assert.equal(read(Array.from({ length: 101 }, () => "a")).units?.most.requests, 2n);
  // 100 documents of 950 bytes are 1,000 with their query: four parts each at most, one in likelihood.
  const long = read(Array.from({ length: 100 }, () => "x".repeat(950)));
  assert.deepEqual(long.units, { most: { requests: 4n }, likely: { requests: 1n } });

  const usage = (json: unknown) => readUsageOf(long, json);
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  assert.deepEqual(usage({ meta: { billed_units: { search_units: 3 } } }), { ...none, otherBuckets: { requests: 3n } });
  const jina = { ...none, inputTokens: 815n, otherBuckets: { requests: 1n } };
  assert.deepEqual(usage({ usage: { total_tokens: 815 } }), jina);
  assert.equal(usage({ results: [] }), undefined);
  assert.equal(usage({ meta: { billed_units: { search_units: -1 } } }), undefined);
});

test("vectors are charged by what their provider reports, where that is a total alone, too", () => {
  const read = (json: unknown) => readUsageOf({ surface: "embeddings" }, json);
  const ten = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n };
  assert.deepEqual(read({ usage: { total_tokens: 10 } }), ten);
  assert.deepEqual(read({ usage: { prompt_tokens: 10, total_tokens: 11 } }), ten);
  assert.equal(read({ usage: { total_tokens: -1 } }), undefined);
  assert.equal(read({ data: [] }), undefined);
  assert.equal(readUsageOf({ surface: "chat" }, { usage: { total_tokens: 10 } }), undefined);
});

const nano = (usd: number) => BigInt(usd * 1e9);
const at = { startedAtMs: 0 };

test("W31: sounds and images are charged by the second, character, image or token, each kind once, to the nano", () => {
  const cost = (surface: Surface, rates: Rates, json: unknown, body: object = {}) => {
    const request = readRequest(surface, toBytes({ model: "m", input: "Hi 世界", prompt: "a cat", ...body }));
    const usage = readUsageOf(request, json);
    assert.ok(usage);
    return costOf({ rates }, toQuantities(usage), at).costNanos;
  };
  // whisper-1: 0.006 USD a minute; a second that has begun counts.
  const perSecond = { seconds: 100_000_000_000n };
  assert.equal(cost("transcriptions", perSecond, { usage: { type: "duration", seconds: 61 } }), 6_100_000n);
  assert.equal(cost("translations", perSecond, { duration: 8.47 }), 900_000n);
  // gpt-4o-transcribe: 2.50 of text, 6 of sound, 10 of what is written.
  const heard = { input: nano(2.5), audioInput: nano(6), output: nano(10) };
  const tokens = { input_tokens: 14, input_token_details: { text_tokens: 4, audio_tokens: 10 }, output_tokens: 45 };
  assert.equal(cost("transcriptions", heard, { usage: { type: "tokens", ...tokens } }), 10_000n + 60_000n + 450_000n);
  // tts-1: 15 USD for a million characters, of which this has five.
  const speech = { usage: { input_tokens: 5, output_tokens: 101, total_tokens: 106 } };
  assert.equal(cost("speech", { characters: nano(15) }, speech), 75_000n);
  // gpt-4o-mini-tts: 0.60 of text, 12 of sound.
  assert.equal(cost("speech", { input: nano(0.6), audioOutput: nano(12) }, speech), 3_000n + 1_212_000n);
  // gpt-image-1: 5 of text, 10 of images shown, 40 of those made.
  const drawn = { input: nano(5), imageInput: nano(10), imageOutput: nano(40) };
  const usage = {
    ...{ input_tokens: 50, output_tokens: 1_056, total_tokens: 1_106 },
    input_tokens_details: { text_tokens: 10, image_tokens: 40 },
  };
  assert.equal(cost("imageGenerations", drawn, { data: [{}], usage }), 50_000n + 400_000n + 42_240_000n);
  assert.equal(cost("imageGenerations", { images: nano(40_000) }, { data: [{}, {}], usage }), 80_000_000n);
  const events = { type: "image_generation.completed", usage };
  assert.equal(cost("imageGenerations", { images: nano(40_000) }, events, { stream: true }), 40_000_000n);
});

test("W31: what a provider does not say is what was asked for, and the money for it is set aside before", () => {
  const units = (surface: Surface, body: object) => readRequest(surface, toBytes({ model: "m", ...body })).units;
  const spoken = units("speech", { input: "Hi 世界" });
  assert.deepEqual(spoken, { most: { characters: 5n }, likely: { audioOutput: 13n, characters: 5n } });
  assert.deepEqual(units("imageGenerations", { prompt: "a cat", n: 3 })?.most, { images: 3n });
  assert.equal(readUsageOf({ surface: "imageGenerations" }, { data: [{}] }), undefined);
});

test("the length of a WAV is exact, of any other sound it is bounded", () => {
  const wave = createSound("wav", 2_500);
  assert.deepEqual(lengthOf(wave), { most: 3, likely: 3 });
  // Cut off while it was recorded: what is there counts.
  wave.writeUInt32LE(0xffffffff, 40);
  assert.deepEqual(lengthOf(wave), { most: 3, likely: 3 });
  assert.deepEqual(lengthOf(createSound("mp3", 60_000)), { most: 1_278, likely: 60 });
  assert.deepEqual(lengthOf(Buffer.from("RIFF....WAVE")), { most: 1, likely: 1 });
});

test("a price that says nothing of what a call is charged by is none", () => {
  const requests = { requests: 1n };
  assert.equal(pricesUnits({ rates: { input: 0n, output: 0n } }, requests), false);
  assert.equal(pricesUnits({ rates: { input: 0n, requests: 0n } }, requests), true);
  assert.equal(pricesUnits({ rates: { input: 1n } }, requests), true);
  assert.equal(pricesUnits({ rates: { input: 1n } }, { images: 1n }), false);
  assert.equal(pricesUnits({ rates: { input: 1n } }, undefined), true);
});

test("what is not as it must be is refused by the field's name", () => {
  const refusal = (surface: "moderations" | "rerank", json: object) => {
    try {
      readRequest(surface, toBytes({ model: "m", ...json }));
    } catch (err) {
      return (err as { details: { param: string } }).details.param;
    }
    return undefined;
  };
  assert.equal(refusal("moderations", {}), "input");
  assert.equal(refusal("moderations", { input: [] }), "input");
  assert.equal(refusal("rerank", { documents: ["a"] }), "query");
  for (const documents of [undefined, [], "a", [1], Array.from({ length: 10_001 }, () => "a")]) {
    assert.equal(refusal("rerank", { query: "q", documents }), "documents");
  }
  assert.equal(refusal("rerank", { query: "q", documents: ["a"] }), undefined);
});

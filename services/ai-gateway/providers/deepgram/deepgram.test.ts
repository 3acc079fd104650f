import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Model } from "../../model.ts";
import { askForSound, describeVoice } from "../sounds/voice-golden.ts";
import { deepgramWire } from "./deepgram.ts";

describeVoice({
  ...{ wire: deepgramWire, speechModel: "aura-2", transcriptModel: "nova-3" },
  folder: new URL("golden/", import.meta.url),
  refused: [
    ["speech", { response_format: "ogg" }, "response_format"],
    ["speech", { stream_format: "sse" }, "stream_format"],
    ["speech", { instructions: "Whisper." }, "instructions"],
    ["speech", { speed: 1.6 }, "speed"],
    ["speech", { voice: "alloy" }, "voice"],
    ["speech", { seed: 1 }, "seed"],
    ["transcriptions", { stream: "true" }, "stream"],
    ["transcriptions", { prompt: "Lyss" }, "prompt"],
    ["transcriptions", { temperature: "0.2" }, "temperature"],
    ["transcriptions", { response_format: "xml" }, "response_format"],
    ["transcriptions", { language: "en&callback=https://x.test" }, "language"],
  ],
});

test("a voice is one of its model's family, which has the price; a model that names its voice has no other", () => {
  const modelFor = (upstreamName: string, voice: string) => {
    const model = { name: "m", upstreamName, maxOutputTokens: 9 } as Model;
    const { endpoint } = deepgramWire.draft(askForSound("speech", { input: "Hi", voice }), model);
    return new URL(endpoint, "http://x.test").searchParams.get("model");
  };
  assert.equal(modelFor("aura-2", "thalia-en"), "aura-2-thalia-en");
  assert.equal(modelFor("aura-2", "aura-2-thalia-en"), "aura-2-thalia-en");
  assert.equal(modelFor("aura-2-thalia-en", "thalia-en"), "aura-2-thalia-en");
  assert.equal(modelFor("aura-2-thalia-en", "aura-2-thalia-en"), "aura-2-thalia-en");
  for (const [upstreamName, voice] of [
    ["aura", "aura-2-thalia-en"],
    ["aura", "2-thalia-en"],
    ["aura-2", "aura-asteria-en"],
    ["aura-2", "thalia"],
    ["aura-2-thalia-en", "luna-en"],
    ["aura-2-thalia-en", "en"],
  ] as const) {
    assert.throws(
      () => modelFor(upstreamName, voice),
      (err) => isFailure(err) && err.details["param"] === "voice",
      `${upstreamName} ${voice}`,
    );
  }
});

test("speech costs the characters that the head tells", () => {
  const headers: Record<string, string> = { "dg-char-count": "12" };
  const usage = deepgramWire.readHead?.({ find: (name) => headers[name] });
  assert.deepEqual([usage?.otherBuckets, usage?.inputTokens, usage?.outputTokens], [{ characters: 12n }, 0n, 0n]);
  assert.equal(deepgramWire.readHead?.({ find: () => undefined }), undefined);
});

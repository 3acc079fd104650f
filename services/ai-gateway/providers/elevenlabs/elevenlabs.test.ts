import assert from "node:assert/strict";
import { test } from "node:test";
import { describeVoice } from "../sounds/voice-golden.ts";
import { elevenLabsWire } from "./elevenlabs.ts";

describeVoice({
  ...{ wire: elevenLabsWire, speechModel: "eleven_multilingual_v2", transcriptModel: "scribe_v1" },
  folder: new URL("golden/", import.meta.url),
  refused: [
    ["speech", { response_format: "flac" }, "response_format"],
    ["speech", { stream_format: "sse" }, "stream_format"],
    ["speech", { instructions: "Whisper." }, "instructions"],
    ["speech", { speed: 2 }, "speed"],
    ["speech", { speed: "1" }, "speed"],
    ["speech", { voice: "../v1/user" }, "voice"],
    ["speech", { voice: undefined }, "voice"],
    ["speech", { voice_settings: 1 }, "voice_settings"],
    ["speech", { seed: -1 }, "seed"],
    ["speech", { pronunciation_dictionary_locators: [] }, "pronunciation_dictionary_locators"],
    ["transcriptions", { stream: "true" }, "stream"],
    ["transcriptions", { prompt: "Lyss" }, "prompt"],
    ["transcriptions", { response_format: "diarized_json" }, "response_format"],
    ["transcriptions", { "include[]": "logprobs" }, "include[]"],
    ["transcriptions", { chunking_strategy: "auto" }, "chunking_strategy"],
    ["transcriptions", { language: "not a language" }, "language"],
    ["transcriptions", { temperature: "3" }, "temperature"],
    ["transcriptions", { "timestamp_granularities[]": "letter" }, "timestamp_granularities[0]"],
  ],
});

test("speech costs the characters that the head tells, and what is no number tells nothing", () => {
  const charactersIn = (headers: Record<string, string>) =>
    elevenLabsWire.readHead?.({ find: (name) => headers[name] })?.otherBuckets?.characters;
  assert.equal(charactersIn({ "character-cost": "12" }), 12n);
  assert.equal(charactersIn({ "x-character-count": "7" }), 7n);
  assert.equal(charactersIn({ "character-cost": "12", "x-character-count": "7" }), 12n);
  for (const told of ["", "-1", "1.5", "1e3", "NaN"]) assert.equal(charactersIn({ "character-cost": told }), undefined);
  assert.equal(charactersIn({}), undefined);
});

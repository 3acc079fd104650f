import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Model } from "../../model.ts";
import { writeEvent, writeException } from "../../providers/bedrock/event-frames.ts";
import { createEventStreamReader } from "../../providers/bedrock/event-stream.ts";
import { askInGemini } from "../gemini/contents.ts";
import { findInBandFailure } from "../openai/upstream-failure.ts";
import { readUsage } from "../openai/usage.ts";
import { askInAnthropic } from "./messages.ts";
import { nativePlaceOf } from "./native-places.ts";

const asked = `{ "max_tokens":64, "model" : "alias","thinking":{"type":"adaptive"},"unknown_field":{"b":1,"a":12345678901234567890},
  "messages":[{"role":"user","content":"hi"}], "anthropic_version":"mine","stream":true}`;
const facts = { callId: "c", requestId: "r", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000 };

function readAt(dialect: "vertex" | "bedrock", upstreamName: string, betas: readonly string[] = []) {
  const model = { name: "alias", upstreamName, maxOutputTokens: 9 } as Model;
  const provider = { dialect, source: "config", serverTools: false } as const;
  const read = askInAnthropic(Buffer.from(asked), betas).readFor(provider, upstreamName);
  return { read, draft: read.wire?.draft(read.request, model) };
}

test("W44, W45: Claude on Vertex AI gets its caller's bytes, with the version in place of the model, and betas in the head", () => {
  const { draft } = readAt("vertex", "claude-sonnet-4-6", ["a-1"]);
  assert.equal(draft?.endpoint, "/publishers/anthropic/models/claude-sonnet-4-6:streamRawPredict");
  assert.deepEqual(draft.headers, { "anthropic-beta": "a-1" });
  const sent = `{"anthropic_version":"vertex-2023-10-16", "max_tokens":64, "thinking":{"type":"adaptive"},"unknown_field":{"b":1,"a":12345678901234567890},
  "messages":[{"role":"user","content":"hi"}], "stream":true}`;
  assert.equal(draft.toBody(undefined).toString(), sent);
  assert.equal(draft.toBody(7).toString(), sent.replace("64", "7"));
});

test("W44, W45: Claude on Bedrock gets its caller's bytes, with version and betas in the body, and the rest in the path", () => {
  const { draft } = readAt("bedrock", "eu.anthropic.claude-sonnet-4-6-v1:0", ["a-1"]);
  assert.equal(draft?.endpoint, "/model/eu.anthropic.claude-sonnet-4-6-v1%3A0/invoke-with-response-stream");
  assert.equal(draft.headers, undefined);
  assert.equal(
    draft.toBody(7).toString(),
    `{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-1"], "max_tokens":7, "thinking":{"type":"adaptive"},"unknown_field":{"b":1,"a":12345678901234567890},
  "messages":[{"role":"user","content":"hi"}]}`,
  );
  for (const upstreamName of [
    "amazon.nova-pro-v1:0",
    "arn:aws:bedrock:eu-central-1:1:application-inference-profile/x",
  ]) {
    assert.equal(nativePlaceOf({ dialect: "bedrock" }, upstreamName), undefined, upstreamName);
  }
});

const events = [
  `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-6","usage":{"input_tokens":3,"output_tokens":1}}}`,
  `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
  `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi 🙂"}, "n":12345678901234567890}`,
  `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}`,
  `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}`,
];

test("W45: what Bedrock frames comes out as Anthropic's events, byte for byte; an exception is a failure", () => {
  const { read } = readAt("bedrock", "anthropic.claude-sonnet-4-6-v1:0");
  const stream = read.wire?.createStream(facts) ?? assert.fail();
  const writer = read.createWriter(facts);
  const frames = Buffer.concat(
    events.map((data) => writeEvent("chunk", { bytes: Buffer.from(data).toString("base64") })),
  );
  const reader = createEventStreamReader(1_000_000);
  let heard = "";
  const usages: unknown[] = [];
  for (let at = 0; at < frames.length; at += 11) {
    for (const event of reader.push(frames.subarray(at, at + 11)).flatMap((one) => stream.read(one))) {
      if (event.data === "[DONE]") continue;
      const json = event.data?.startsWith("{") ? JSON.parse(event.data) : undefined;
      usages.push(...[readUsage(json)].filter((usage) => usage !== undefined));
      heard += writer.event(event, json)?.toString() ?? "";
    }
  }
  const wanted = events.slice(0, 4).map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`);
  assert.equal(heard, wanted.join("").replace('"model":"claude-sonnet-4-6"', '"model":"alias"'));
  assert.deepEqual(
    usages.map((usage) => (usage as { outputTokens: bigint }).outputTokens),
    [2n],
  );
  const [broken] = createEventStreamReader(1_000).push(writeException("throttlingException", "sk-secret"));
  const [told] = stream.read(broken ?? assert.fail());
  assert.ok(isFailure(findInBandFailure("m", JSON.parse(told?.data ?? "")), aiGatewayFailures.upstream_rate_limited));
});

test("W16, W45: Google's models on Vertex AI get their caller's bytes below their publisher; Anthropic's there are translated", () => {
  const body = Buffer.from(
    `{ "contents":[{"role":"user","parts":[{"text":"hi"}]}],"unknownField" : 12345678901234567890}`,
  );
  const call = askInGemini({ model: "alias", isStream: false, isSse: false }, body);
  const provider = { dialect: "vertex", source: "config", serverTools: false } as const;
  const readFor = (upstreamName: string) => {
    const read = call.readFor(provider, upstreamName);
    return read.wire?.draft(read.request, { name: "alias", upstreamName } as Model);
  };
  const draft = readFor("gemini-3-flash");
  assert.equal(draft?.endpoint, "/publishers/google/models/gemini-3-flash:generateContent");
  assert.equal(draft.toBody(undefined).toString(), body.toString());
  assert.throws(
    () => readFor("claude-sonnet-4-6"),
    (err) => isFailure(err) && err.details["param"] === "unknownField",
  );
});

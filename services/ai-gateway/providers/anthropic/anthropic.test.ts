import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { askInAnthropic } from "../../dialects/anthropic/messages.ts";
import { readNativeMessage } from "../../dialects/anthropic/native-message.ts";
import { nativePlaceOf } from "../../dialects/anthropic/native-places.ts";
import { createChatReader, readChatAnswer } from "../../dialects/openai/chat-answer.ts";
import { createSseReader } from "../../dialects/openai/sse.ts";
import { findInBandFailure } from "../../dialects/openai/upstream-failure.ts";
import { drawFrom, randomChat, writeStream } from "../../dialects/random-chat.ts";
import type { Model } from "../../model.ts";
import { bedrockWire } from "../bedrock/bedrock.ts";
import { vertexAnthropicWire } from "../vertex/vertex.ts";
import { describeWire, goldenFacts as facts, toSseEvent as toEvent } from "../wire-golden.ts";
import { anthropicWire } from "./anthropic.ts";

const refused: readonly (readonly [object, string])[] = [
  [{ n: 2 }, "n"],
  [{ logprobs: true }, "logprobs"],
  [{ frequency_penalty: 0.5 }, "frequency_penalty"],
  [{ logit_bias: { 1: 2 } }, "logit_bias"],
  [{ temperature: 1.5 }, "temperature"],
  [{ response_format: { type: "json_object" } }, "response_format.type"],
  [{ web_search_options: {} }, "web_search_options"],
  [{ tools: [{ type: "custom", custom: {} }] }, "tools[0].type"],
  [{ messages: [{ role: "user", content: [{ type: "input_audio" }] }] }, "messages[0].content[0].type"],
  [
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "file:///etc/passwd" } }] }] },
    "messages[0].content[0].image_url.url",
  ],
  [
    {
      messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: "[1]" } }] }],
    },
    "messages[0].tool_calls[0].function.arguments",
  ],
];

describeWire({
  ...{ wire: anthropicWire, upstreamName: "claude", folder: new URL("golden/", import.meta.url), refused },
  limitOf: (body) => body["max_tokens"],
});

test("an error within an answer is the failure it would have been on its own", () => {
  const json = (type: string) => ({ type: "error", error: { type, message: "sk-secret" } });
  for (const [type, failure] of [
    ["overloaded_error", aiGatewayFailures.upstream_overloaded],
    ["rate_limit_error", aiGatewayFailures.upstream_rate_limited],
    ["authentication_error", aiGatewayFailures.upstream_unauthorized],
    ["api_error", aiGatewayFailures.upstream_failed],
  ] as const) {
    const [event] = anthropicWire.createStream(facts).read(toEvent(json(type)));
    for (const told of [
      JSON.parse(event?.data ?? ""),
      anthropicWire.toAnswer(Buffer.alloc(0), json(type), facts).json,
    ]) {
      assert.ok(isFailure(findInBandFailure("m", told), failure), type);
      assert.equal(JSON.stringify(told).includes("secret"), false);
    }
  }
  assert.equal(anthropicWire.toAnswer(Buffer.alloc(0), { hello: "world" }, facts).json, null);
});

test("W19: an answer that is begun for the model goes to those that continue it, and is refused by name for all others", () => {
  const asked = {
    model: "m",
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "Once" },
    ],
  };
  const request = readRequest("chat", Buffer.from(JSON.stringify(asked)));
  const native = readNativeMessage(
    {
      ...{ body: Buffer.from(JSON.stringify({ ...asked, max_tokens: 5, system: "Be brief." })), betas: [] },
      json: { ...asked, max_tokens: 5, system: "Be brief." },
    },
    { serverTools: false, dialect: "anthropic", source: "config" },
    nativePlaceOf({ dialect: "anthropic" }, "") ?? assert.fail(),
  );
  const model = (upstreamName: string): Model => ({
    ...{ name: "m", upstreamName, maxOutputTokens: 4_096, showsAllOutput: false },
    ...{ inputUsdPerMillion: undefined, cachedInputUsdPerMillion: undefined, outputUsdPerMillion: undefined },
  });
  const drafts = (upstreamName: string) => [
    () => anthropicWire.draft(request, model(upstreamName)),
    () => vertexAnthropicWire.draft(request, model(upstreamName)),
    () => bedrockWire.draft(request, model(`us.anthropic.${upstreamName}-v1:0`)),
    () => native.wire?.draft(native.request, model(upstreamName)),
  ];
  const refused = (err: unknown) => isFailure(err) && err.details["param"] === "messages[1].role";
  for (const name of [
    "claude-opus-4-6",
    "claude-sonnet-4-6-20260217",
    "claude-opus-4.8",
    "claude-sonnet-5",
    "claude-fable-5-2",
  ]) {
    for (const draft of drafts(name)) assert.throws(draft, refused, name);
  }
  for (const name of [
    "claude-sonnet-4-5-20250929",
    "claude-opus-4-20250514",
    "claude-3-7-sonnet-20250219",
    "claude-opus-4-1",
  ]) {
    for (const draft of drafts(name)) draft();
  }
});

test("for 200 seeds: what is written as a message and read again is what was said", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = drawFrom(`wire ${seed}`);
    const chat = randomChat(draw);
    const asked = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "hi" }], stream: true };
    const whole = (json: unknown) => readChatAnswer("call_1", json);
    const call = askInAnthropic(Buffer.from(JSON.stringify(asked)));
    const writer = call.readFor({ dialect: "openai", source: "config", serverTools: false }).createWriter({
      ...{ callId: "call_1", requestId: "", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000_000 },
    });
    const bytes = Buffer.from(await writeStream(draw, chat, writer));
    const reader = createSseReader(1_000_000);
    const stream = anthropicWire.createStream(facts);
    const chatReader = createChatReader("call_1");
    const said = { reasoning: "", text: "", calls: [] as { id: string; name: string; arguments: string }[] };
    for (let at = 0; at < bytes.length; at += 7) {
      for (const { data } of reader.push(bytes.subarray(at, at + 7)).flatMap((event) => stream.read(event))) {
        if (!data?.startsWith("{")) continue;
        for (const piece of chatReader.read(JSON.parse(data))) {
          if (piece.type === "call") said.calls.push({ id: piece.id, name: piece.name, arguments: "" });
          else if (piece.type === "arguments") (said.calls[piece.call] ?? assert.fail()).arguments += piece.text;
          else if (piece.type !== "refusal") said[piece.type] += piece.text;
        }
      }
    }
    const wanted = whole(chat.whole);
    const inOrder = (calls: readonly { readonly id: string }[]) => calls.toSorted((a, b) => a.id.localeCompare(b.id));
    assert.deepEqual(
      [said.reasoning, said.text, inOrder(said.calls), chatReader.finishReason],
      [wanted.reasoning, wanted.text, inOrder(wanted.calls), wanted.finishReason],
      `seed ${seed}`,
    );
  }
});

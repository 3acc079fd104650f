import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { createChatReader, readChatAnswer } from "../../dialects/openai/chat-answer.ts";
import { createSseReader } from "../../dialects/openai/sse.ts";
import { findInBandFailure } from "../../dialects/openai/upstream-failure.ts";
import { drawFrom, randomChat, writeStream } from "../../dialects/random-chat.ts";
import { readResponseRequest } from "../../dialects/responses/response-request.ts";
import { createResponseWriter } from "../../dialects/responses/responses.ts";
import type { Model } from "../../model.ts";
import { bedrockWire } from "../bedrock/bedrock.ts";
import { describeWire, goldenFacts as facts, toSseEvent } from "../wire-golden.ts";
import { responsesWire } from "./responses.ts";

describeWire({
  ...{ wire: responsesWire, upstreamName: "gpt-5-codex", folder: new URL("golden/", import.meta.url) },
  limitOf: (body) => body["max_output_tokens"],
  refused: [
    [{ n: 2 }, "n"],
    [{ stop: "END" }, "stop"],
    [{ logprobs: true }, "logprobs"],
    [{ logit_bias: { 1: 2 } }, "logit_bias"],
    [{ frequency_penalty: 0.5 }, "frequency_penalty"],
    [{ web_search_options: {} }, "web_search_options"],
    [{ tools: [{ type: "custom", custom: {} }] }, "tools[0].type"],
    [{ reasoning: { max_tokens: 5 } }, "reasoning.max_tokens"],
    [{ response_format: { type: "json_schema", json_schema: { name: "a" } } }, "response_format.json_schema.schema"],
    [{ messages: [{ role: "user", content: [{ type: "input_audio" }] }] }, "messages[0].content[0].type"],
    [
      { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "file_1" } }] }] },
      "messages[0].content[0].file.file_id",
    ],
  ],
});

test("a response that failed, or an event that is an error, is the failure it would have been on its own", () => {
  for (const [code, failure] of [
    ["rate_limit_exceeded", aiGatewayFailures.upstream_rate_limited],
    ["server_error", aiGatewayFailures.upstream_failed],
    ["invalid_prompt", aiGatewayFailures.upstream_rejected],
  ] as const) {
    const error = { code, message: "sk-secret" };
    const failed = { object: "response", id: "resp_1", status: "failed", error, output: [] };
    const stream = () => responsesWire.createStream(facts);
    for (const told of [
      responsesWire.toAnswer(Buffer.alloc(0), failed, facts).json,
      JSON.parse(stream().read(toSseEvent({ type: "response.failed", response: failed }))[0]?.data ?? ""),
      JSON.parse(stream().read(toSseEvent({ type: "error", ...error }))[0]?.data ?? ""),
    ]) {
      assert.ok(isFailure(findInBandFailure("m", told), failure), code);
      assert.equal(JSON.stringify(told).includes("secret"), false);
    }
  }
});

test("W24: what was thought goes back sealed to who sealed it, and to nobody else", () => {
  const details = [
    { type: "reasoning.summary", summary: "hm", id: "rs_1", format: "openai-responses-v1" },
    { type: "reasoning.encrypted", data: "c2VhbGVk", id: "rs_1", format: "openai-responses-v1" },
    { type: "reasoning.encrypted", data: "b3RoZXI=" },
  ];
  const asked = {
    model: "m",
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "ho", reasoning_details: details },
      { role: "user", content: "and?" },
    ],
  };
  const request = readRequest("chat", Buffer.from(JSON.stringify(asked)));
  const model = (upstreamName: string) => ({ name: "m", upstreamName, maxOutputTokens: 9 }) as Model;
  const { input } = JSON.parse(responsesWire.draft(request, model("o4-mini")).toBody(undefined).toString());
  assert.deepEqual(input[1], {
    ...{ type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }] },
    encrypted_content: "c2VhbGVk",
  });
  const elsewhere = bedrockWire.draft(request, model("anthropic.claude")).toBody(undefined).toString();
  assert.ok(!elsewhere.includes("c2VhbGVk") && elsewhere.includes("b3RoZXI="));
});

test("for 200 seeds: what is written as a response and read again is what was said", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = drawFrom(`responses wire ${seed}`);
    const chat = randomChat(draw);
    const read = readResponseRequest(Buffer.from(JSON.stringify({ model: "m", input: "hi", stream: true })));
    const writer = createResponseWriter(
      read,
      { callId: "call_1", requestId: "", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000_000 },
      async () => true,
      new Map(),
    );
    const bytes = Buffer.from(await writeStream(draw, chat, writer));
    const reader = createSseReader(1_000_000);
    const stream = responsesWire.createStream(facts);
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
    const wanted = readChatAnswer("call_1", chat.whole);
    const inOrder = (calls: readonly { readonly id: string }[]) => calls.toSorted((a, b) => a.id.localeCompare(b.id));
    const given = [said.reasoning, said.text, inOrder(said.calls), chatReader.finishReason];
    const spoken = [wanted.reasoning, wanted.text, inOrder(wanted.calls), wanted.finishReason];
    assert.deepEqual(given, spoken, `seed ${seed}`);
  }
});

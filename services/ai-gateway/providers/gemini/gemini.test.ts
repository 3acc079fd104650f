import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { findInBandFailure } from "../../dialects/openai/upstream-failure.ts";
import { readUsage } from "../../dialects/openai/usage.ts";
import { describeWire, goldenFacts, toSseEvent } from "../wire-golden.ts";
import { geminiWire } from "./gemini.ts";

const refused: readonly (readonly [object, string])[] = [
  [{ n: 9 }, "n"],
  [{ logprobs: true }, "logprobs"],
  [{ seed: 2_147_483_648 }, "seed"],
  [{ parallel_tool_calls: false }, "parallel_tool_calls"],
  [{ web_search_options: {} }, "web_search_options"],
  [{ tools: [{ type: "custom", custom: {} }] }, "tools[0].type"],
  [{ messages: [{ role: "tool", tool_call_id: "x", content: "y" }] }, "messages[0].tool_call_id"],
  [
    { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }] }] },
    "messages[0].content[0].image_url.url",
  ],
  [
    { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "x", format: "ogg" } }] }] },
    "messages[0].content[0].input_audio.format",
  ],
];

describeWire({
  ...{ wire: geminiWire, upstreamName: "gemini-3-flash", folder: new URL("golden/", import.meta.url), refused },
  limitOf: ({ generationConfig }) => (generationConfig as Record<string, unknown>)["maxOutputTokens"],
});

test("older models are told how many tokens to think, and a model's name stays within its place", () => {
  const asked = { model: "m", reasoning_effort: "none", messages: [{ role: "user", content: "hi" }] };
  const request = readRequest("chat", Buffer.from(JSON.stringify(asked)));
  const model = { upstreamName: "gemini-2.5-pro/../x?y" } as Parameters<typeof geminiWire.draft>[1];
  const { endpoint, toBody } = geminiWire.draft(request, model);
  assert.equal(endpoint, "/models/gemini-2.5-pro%2F..%2Fx%3Fy:generateContent");
  assert.deepEqual(JSON.parse(toBody(undefined).toString()).generationConfig, {
    thinkingConfig: { thinkingBudget: 0 },
  });
});

test("an error within an answer is the failure it would have been on its own, in a list too", () => {
  const error = { code: 429, status: "RESOURCE_EXHAUSTED", message: "secret" };
  for (const json of [{ error }, [{ error }]]) {
    const [event] = geminiWire.createStream(goldenFacts).read(toSseEvent(json));
    for (const told of [JSON.parse(event?.data ?? ""), geminiWire.toAnswer(Buffer.alloc(0), json, goldenFacts).json]) {
      assert.ok(isFailure(findInBandFailure("m", told), aiGatewayFailures.upstream_rate_limited));
    }
  }
  assert.equal(geminiWire.toAnswer(Buffer.alloc(0), { hello: "world" }, goldenFacts).json, null);
});

test("W31: of models before the third generation an answer is charged for searching once", () => {
  const groundingMetadata = { webSearchQueries: ["a", "b"] };
  const answer = {
    candidates: [
      { content: { role: "model", parts: [{ text: "x" }] }, finishReason: "STOP", index: 0, groundingMetadata },
    ],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1 },
  };
  for (const [upstreamModel, calls] of [
    ...[["gemini-2.5-pro", 1n] as const, ["gemini-2.0-flash-001", 1n] as const],
    ...[["gemini-3-pro", 2n] as const, ["a-tuned-one", 2n] as const],
  ]) {
    const facts = { ...goldenFacts, upstreamModel };
    const { json } = geminiWire.toAnswer(Buffer.alloc(0), answer, facts);
    assert.equal(readUsage(json)?.otherBuckets?.toolCalls, calls, upstreamModel);
    const last = geminiWire.createStream(facts).read(toSseEvent(answer)).at(-1);
    assert.equal(readUsage(JSON.parse(last?.data ?? ""))?.otherBuckets?.toolCalls, calls, upstreamModel);
  }
});

test("W47: texts are embedded at once, for what they are said to be for; one that says no usage says none", () => {
  const model = { name: "m", upstreamName: "gemini-embedding-2" } as Parameters<typeof geminiWire.draft>[1];
  const draft = (asked: object) =>
    geminiWire.draft(readRequest("embeddings", Buffer.from(JSON.stringify({ model: "m", ...asked }))), model);
  const more = { dimensions: 256, encoding_format: "base64", task_type: "RETRIEVAL_QUERY", user: "u" };
  const { endpoint, toBody } = draft({ input: ["a", "b"], ...more });
  assert.equal(endpoint, "/models/gemini-embedding-2:batchEmbedContents");
  const requests = ["a", "b"].map((text) => ({
    ...{ model: "models/gemini-embedding-2", content: { parts: [{ text }] } },
    ...{ taskType: "RETRIEVAL_QUERY", outputDimensionality: 256 },
  }));
  assert.deepEqual(JSON.parse(toBody(undefined).toString()), { requests });
  assert.equal(JSON.parse(draft({ input: "a" }).toBody(undefined).toString()).requests.length, 1);
  for (const input of [[1, 2], [[1], [2]], Array.from({ length: 101 }, () => "a")])
    assert.throws(() => draft({ input }), isFailure);

  const embeddings = [{ values: [0.5] }, { values: [0.25] }];
  const told = (answered: object) => {
    const { body, json } = geminiWire.toAnswer(Buffer.alloc(0), answered, goldenFacts);
    assert.deepEqual(JSON.parse(body.toString()), json);
    return json as { data: unknown };
  };
  const data = [
    { object: "embedding", index: 0, embedding: [0.5] },
    { object: "embedding", index: 1, embedding: [0.25] },
  ];
  assert.deepEqual(told({ embeddings }).data, data);
  assert.deepEqual(told({ embedding: embeddings[0] }).data, data.slice(0, 1));
  assert.equal(readUsage(told({ embeddings, usageMetadata: { promptTokenCount: 4 } }))?.inputTokens, 4n);
  assert.equal(readUsage(told({ embeddings })), undefined);
});

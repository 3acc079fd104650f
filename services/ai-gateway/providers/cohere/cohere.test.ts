import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { findInBandFailure } from "../../dialects/openai/upstream-failure.ts";
import { readUsage } from "../../dialects/openai/usage.ts";
import type { Model } from "../../model.ts";
import { describeWire, goldenFacts as facts, toSseEvent } from "../wire-golden.ts";
import { cohereWire } from "./cohere.ts";

describeWire({
  ...{ wire: cohereWire, upstreamName: "command-a", folder: new URL("golden/", import.meta.url) },
  limitOf: (body) => body["max_tokens"],
  refused: [
    [{ n: 2 }, "n"],
    [{ logprobs: true }, "logprobs"],
    [{ logit_bias: { 1: 2 } }, "logit_bias"],
    [{ parallel_tool_calls: false }, "parallel_tool_calls"],
    [
      {
        tools: [{ type: "function", function: { name: "f" } }],
        tool_choice: { type: "function", function: { name: "f" } },
      },
      "tool_choice",
    ],
    [{ messages: [{ role: "user", content: [{ type: "input_audio" }] }] }, "messages[0].content[0].type"],
  ],
});

const model = { name: "m", upstreamName: "embed-v4.0", maxOutputTokens: 9 } as Model;
const draft = (asked: object) =>
  cohereWire.draft(readRequest("embeddings", Buffer.from(JSON.stringify({ model: "m", ...asked }))), model);

test("W47: texts are embedded as numbers, for what they are said to be for, and tokens of another model are refused", () => {
  const { endpoint, toBody } = draft({
    input: ["a", "b"],
    dimensions: 256,
    encoding_format: "base64",
    input_type: "search_query",
  });
  assert.equal(endpoint, "/v2/embed");
  assert.deepEqual(JSON.parse(toBody(undefined).toString()), {
    ...{ model: "embed-v4.0", texts: ["a", "b"], input_type: "search_query", embedding_types: ["float"] },
    output_dimension: 256,
  });
  for (const input of [[1, 2], [[1], [2]], Array.from({ length: 97 }, () => "a")]) {
    assert.throws(
      () => draft({ input }),
      (err) => isFailure(err),
    );
  }
  const answered = {
    ...{ id: "e", texts: ["a", "b"], response_type: "embeddings_by_type" },
    ...{ embeddings: { float: [[0.5], [0.25]] }, meta: { billed_units: { input_tokens: 4 } } },
  };
  const { json } = cohereWire.toAnswer(Buffer.alloc(0), answered, facts);
  const data = [
    { object: "embedding", index: 0, embedding: [0.5] },
    { object: "embedding", index: 1, embedding: [0.25] },
  ];
  assert.deepEqual((json as { data: unknown }).data, data);
  assert.equal(readUsage(json)?.inputTokens, 4n);
});

test("an answer that ended by a fault is a failure, and no text of Cohere's goes on", () => {
  const [event] = cohereWire
    .createStream(facts)
    .read(toSseEvent({ type: "message-end", delta: { finish_reason: "ERROR", error: "sk" } }));
  assert.ok(isFailure(findInBandFailure("m", JSON.parse(event?.data ?? "")), aiGatewayFailures.upstream_failed));
  const { json } = cohereWire.toAnswer(Buffer.alloc(0), { finish_reason: "TIMEOUT", message: {} }, facts);
  assert.ok(isFailure(findInBandFailure("m", json), aiGatewayFailures.upstream_failed));
  assert.equal(cohereWire.toAnswer(Buffer.alloc(0), { message: "invalid" }, facts).json, null);
});

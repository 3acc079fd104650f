import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { toUpstreamFailure } from "../../dialects/openai/upstream-failure.ts";
import type { Model } from "../../model.ts";
import { goldenFacts, toSseEvent } from "../wire-golden.ts";
import { azureWire } from "./azure.ts";

const model = { name: "m", upstreamName: "my deployment", maxOutputTokens: 9 } as Model;

test("W45: the path names the deployment and the version, and the key or a token of Entra stands where Azure looks for it", () => {
  const chat = readRequest("chat", Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}'));
  const texts = readRequest("embeddings", Buffer.from('{"model":"m","input":"hi"}'));
  assert.equal(
    azureWire.draft(chat, model).endpoint,
    "/deployments/my%20deployment/chat/completions?api-version=2024-10-21",
  );
  const given = { apiVersion: "2025-04-01-preview" };
  assert.equal(
    azureWire.draft(texts, model, given).endpoint,
    "/deployments/my%20deployment/embeddings?api-version=2025-04-01-preview",
  );
  assert.deepEqual(azureWire.toHeaders("0123abcd"), { "api-key": "0123abcd" });
  assert.deepEqual(azureWire.toHeaders("eyJhbGciOi.eyJhdWQi.c2ln"), {
    authorization: "Bearer eyJhbGciOi.eyJhdWQi.c2ln",
  });
});

test("W2: no chunk lacks choices or a delta, and what a filter says of the prompt is still told", () => {
  const stream = azureWire.createStream(goldenFacts);
  const filtered = [{ prompt_index: 0, content_filter_results: { hate: { filtered: false } } }];
  const events = [
    { id: "", model: "", choices: [], prompt_filter_results: filtered },
    { id: "c", choices: [{ index: 0, delta: { role: "assistant", content: "" } }] },
    { id: "c", choices: [{ index: 0, delta: { content: "Hi" } }] },
    { id: "c", choices: [{ index: 0, finish_reason: "stop", content_filter_results: {} }] },
    { id: "c", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } },
  ];
  const read = events.flatMap((event) => stream.read(toSseEvent(event))).map(({ data = "" }) => JSON.parse(data));
  assert.deepEqual(read, [
    { ...events[1], prompt_filter_results: filtered },
    events[2],
    { id: "c", choices: [{ delta: {}, index: 0, finish_reason: "stop", content_filter_results: {} }] },
    events[4],
  ]);
  assert.deepEqual(stream.read({ raw: Buffer.from("data: [DONE]\n\n"), data: "[DONE]" }).length, 1);
});

test("W37: a prompt that Azure's filter refuses is the caller's to change, and says so by its code", () => {
  const error = {
    code: "content_filter",
    param: "prompt",
    status: 400,
    innererror: { code: "ResponsibleAIPolicyViolation" },
  };
  const failure = toUpstreamFailure({ model: "m", status: 400, body: { error }, retryAfterMs: undefined });
  assert.ok(isFailure(failure, aiGatewayFailures.upstream_rejected));
  assert.deepEqual([failure.details["code"], failure.details["param"]], ["content_filter", "prompt"]);
});

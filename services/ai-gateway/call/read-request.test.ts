import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest, toUpstreamBody } from "./read-request.ts";

const chat = (fields: object = {}) =>
  Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user" }], ...fields }));

function refusal(body: Buffer | string, surface: "chat" | "completions" | "embeddings" = "chat"): string {
  try {
    readRequest(surface, Buffer.from(body));
  } catch (err) {
    if (isFailure(err, aiGatewayFailures.invalid_json)) return "json";
    if (isFailure(err, aiGatewayFailures.invalid_request)) return String(err.details["param"]);
    throw err;
  }
  return "accepted";
}

test("what is not a JSON object is refused, whatever it is", () => {
  const bodies = [
    "",
    " ",
    "null",
    "1",
    "[]",
    '"x"',
    "{",
    '{"model":"m",}',
    "{'model':1}",
    "\ufeff{}",
    "[".repeat(200_000),
  ];
  for (const body of bodies) assert.equal(refusal(body), "json", body.slice(0, 20));
  assert.equal(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), "json");
});

test("a field that decides is refused with its name when it is wrong or stands twice", () => {
  assert.equal(refusal(chat({ model: 1 })), "model");
  assert.equal(refusal(chat({ model: "x".repeat(201) })), "model");
  assert.equal(refusal(chat({ messages: [] })), "messages");
  assert.equal(refusal(chat({ messages: {} })), "messages");
  assert.equal(refusal(chat({ stream: 1 })), "stream");
  assert.equal(refusal(chat({ n: 129 })), "n");
  assert.equal(refusal(chat({ max_tokens: 1e9 })), "max_tokens");
  assert.equal(refusal(`{"model":"a","messages":[1],"stream":true,"stre\\u0061m":false}`), "model");
  assert.equal(refusal(`{"model":"a"}`, "completions"), "prompt");
  assert.equal(refusal(`{"model":"a","input":""}`, "embeddings"), "input");
  assert.equal(refusal(chat({ max_tokens: null, stream: null, n: null, unknown: { deep: [1] } })), "accepted");
});

test("keys that attack an object's prototype are data like any other", () => {
  const request = readRequest(
    "chat",
    Buffer.from(`{"model":"m","messages":[1],"__proto__":{"stream":true},"constructor":1}`),
  );
  assert.equal(request.isStream, false);
  assert.equal(({} as Record<string, unknown>)["stream"], undefined);
});

test("W12: every answer that is generated is counted: prompts times the larger of n and best_of", () => {
  const completion = (fields: object) => {
    const { choices, answers } = readRequest("completions", Buffer.from(JSON.stringify({ model: "m", ...fields })));
    return [choices, answers];
  };
  assert.deepEqual(completion({ prompt: "a" }), [1, 1]);
  assert.deepEqual(completion({ prompt: ["a", "b", "c"], n: 2, best_of: 4 }), [12, 6]);
  assert.deepEqual(completion({ prompt: [1, 2, 3] }), [1, 1]);
  assert.deepEqual(completion({ prompt: [[1], [2]] }), [2, 2]);
});

test("the larger of two limits is what a call may cost", () => {
  const { outputLimit } = readRequest("chat", chat({ max_tokens: 5, max_completion_tokens: 9 }));
  assert.deepEqual(outputLimit, { field: "max_completion_tokens", tokens: 9 });
});

test("a body that needs no change is passed on as it came", () => {
  const body = chat({ max_tokens: 5 });
  assert.equal(toUpstreamBody(readRequest("chat", body), "m", undefined), body);
});

test("W1: a stream always asks for usage, and keeps the caller's other stream options", () => {
  const sent = (fields: object) =>
    JSON.parse(toUpstreamBody(readRequest("chat", chat(fields)), "m", undefined).toString());
  assert.deepEqual(sent({ stream: true }).stream_options, { include_usage: true });
  assert.deepEqual(sent({ stream: true, stream_options: { x: 1 } }).stream_options, { x: 1, include_usage: true });
  assert.equal(sent({}).stream_options, undefined);
});

test("a limit that money sets is written where the model reads it", () => {
  const sent = (model: string) => JSON.parse(toUpstreamBody(readRequest("chat", chat()), model, 20).toString());
  assert.equal(sent("gpt-4o-mini").max_tokens, 20);
  assert.equal(sent("o4-mini").max_completion_tokens, 20);
  assert.equal(sent("gpt-5").max_completion_tokens, 20);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { toEvent } from "../../dialects/openai/sse.ts";
import { findInBandFailure } from "../../dialects/openai/upstream-failure.ts";
import type { Model } from "../../model.ts";
import type { Surface } from "../../surfaces/surface.ts";
import { describeWire, goldenFacts as facts } from "../wire-golden.ts";
import { replicateWire } from "./replicate.ts";

const llama = "meta/meta-llama-3-70b-instruct";
const image = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
const seen = { role: "user", content: [{ type: "text", text: "Look." }, image] };

describeWire({
  ...{ wire: replicateWire, upstreamName: llama, folder: new URL("golden/", import.meta.url) },
  limitOf: (body) => (body["input"] as Record<string, unknown>)["max_tokens"],
  refused: [
    [{ n: 2 }, "n"],
    [{ logprobs: true }, "logprobs"],
    [{ tools: [{ type: "function", function: { name: "f" } }] }, "tools"],
    [{ response_format: { type: "json_object" } }, "response_format"],
    [{ reasoning_effort: "low" }, "reasoning_effort"],
    [{ stop: "a,b" }, "stop"],
    [{ messages: [seen] }, "messages[0].content[1].type"],
    [{ messages: [{ role: "system", content: "Be brief." }] }, "messages"],
    [{ messages: [{ role: "tool", tool_call_id: "t", content: "rain" }] }, "messages[0].role"],
  ],
});

function draft(upstreamName: string, asked: object, surface: Surface = "chat") {
  const model = { name: "m", upstreamName, maxOutputTokens: 9 } as Model;
  const request = readRequest(surface, Buffer.from(JSON.stringify({ model: "m", ...asked })));
  const { endpoint, headers, toBody, toAnswer } = replicateWire.draft(request, model);
  return { endpoint, headers, toAnswer, sent: JSON.parse(toBody(5).toString()) };
}

test("each owner's models are asked in the fields that they have, and a version by itself", () => {
  const talk = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Yes?" },
  ];
  const openAi = draft("openai/gpt-5", {
    messages: [...talk, { role: "user", content: "Who?" }],
    reasoning_effort: "low",
  });
  assert.deepEqual(openAi.sent.input, {
    messages: [...talk, { role: "user", content: "Who?" }],
    ...{ reasoning_effort: "low", max_completion_tokens: 5 },
  });
  assert.throws(() => draft("openai/gpt-5", { messages: [...talk, seen] }), isFailure);
  const google = draft("google/gemini-2.5-flash", { messages: [talk[0], seen] });
  assert.deepEqual(google.sent.input, {
    ...{
      prompt: "Look.",
      system_instruction: "Be brief.",
      images: ["https://example.com/a.png"],
      max_output_tokens: 5,
    },
  });
  const anthropic = draft("anthropic/claude-4-sonnet", { messages: [seen] });
  assert.deepEqual(anthropic.sent.input, { prompt: "Look.", image: "https://example.com/a.png", max_tokens: 5 });
  const twice = { ...seen, content: [...seen.content, image] };
  assert.throws(() => draft("anthropic/claude-4-sonnet", { messages: [twice] }), isFailure);
  const version = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa";
  const versioned = draft(`someone/model:${version}`, { messages: [{ role: "user", content: "Hi" }] });
  assert.equal(versioned.endpoint, "/predictions");
  assert.equal(versioned.sent.version, version);
});

test("a whole answer is waited for at Replicate, a stream is not", () => {
  const messages = [{ role: "user", content: "Hi" }];
  assert.deepEqual(draft(llama, { messages }).headers, { prefer: "wait" });
  assert.equal(draft(llama, { messages, stream: true }).headers, undefined);
});

test("images are asked for by their ratio, and come as addresses", () => {
  const asked = { prompt: "A cat", n: 2, size: "1536x1024", output_format: "jpeg", seed: 7, quality: "auto" };
  const { sent, toAnswer } = draft("black-forest-labs/flux-dev", asked, "imageGenerations");
  assert.deepEqual(sent.input, { prompt: "A cat", num_outputs: 2, aspect_ratio: "3:2", output_format: "jpg", seed: 7 });
  const output = ["https://replicate.delivery/a.jpg", "https://replicate.delivery/b.jpg"];
  const answer = (status: string, made: unknown) =>
    toAnswer?.(Buffer.alloc(0), { id: "p", status, output: made, error: "no (E005)" }, facts).json;
  assert.deepEqual(answer("succeeded", output), { created: 1_780_000_000, data: output.map((url) => ({ url })) });
  assert.deepEqual(answer("succeeded", output[0]), { created: 1_780_000_000, data: [{ url: output[0] }] });
  assert.ok(isFailure(findInBandFailure("m", answer("failed", null)), aiGatewayFailures.upstream_rejected));
  for (const refused of [
    { size: "1000x999" },
    { response_format: "b64_json" },
    { quality: "high" },
    { stream: true },
  ]) {
    assert.throws(
      () => draft("black-forest-labs/flux-dev", { prompt: "A cat", ...refused }, "imageGenerations"),
      (err) => isFailure(err) && err.details["param"] === Object.keys(refused)[0],
    );
  }
});

test("a prediction that has no output is a failure, and no text of it goes on", () => {
  const failureOf = (said: object) => {
    const { json } = replicateWire.toAnswer(Buffer.alloc(0), { id: "p", ...said }, facts);
    assert.ok(!JSON.stringify(json).includes("secret"));
    return findInBandFailure("m", json);
  };
  const secret = "a secret";
  assert.ok(isFailure(failureOf({ status: "failed", error: secret }), aiGatewayFailures.upstream_failed));
  assert.ok(isFailure(failureOf({ status: "canceled", error: null }), aiGatewayFailures.upstream_failed));
  assert.ok(isFailure(failureOf({ status: "failed", error: `${secret} (E005)` }), aiGatewayFailures.upstream_rejected));
  assert.ok(
    isFailure(failureOf({ status: "failed", error: `${secret} (E004)` }), aiGatewayFailures.upstream_overloaded),
  );
  assert.equal(replicateWire.toAnswer(Buffer.alloc(0), { detail: "not found" }, facts).json, null);
  const events = replicateWire.createStream(facts);
  const [event] = events.read(toEvent(Buffer.from('event: error\ndata: {"detail":"a secret"}\n\n')));
  assert.ok(isFailure(findInBandFailure("m", JSON.parse(event?.data ?? "")), aiGatewayFailures.upstream_failed));
});

test("the places of a prediction follow from its id, whatever addresses it names", () => {
  const read = replicateWire.tasks?.read ?? assert.fail();
  const urls = {
    get: "http://169.254.169.254/",
    cancel: "http://169.254.169.254/",
    stream: "https://stream.replicate.com/v1/s",
  };
  assert.deepEqual(read({ id: "p1", status: "starting", urls }), {
    ...{ isOver: false, endpoint: "/predictions/p1", cancelEndpoint: "/predictions/p1/cancel" },
    streamUrl: "https://stream.replicate.com/v1/s",
  });
  assert.equal(read({ id: "../account", status: "starting", urls }), undefined);
  assert.equal(read({ detail: "no" }), undefined);
});

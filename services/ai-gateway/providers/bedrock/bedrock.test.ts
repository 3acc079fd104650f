import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import { findInBandFailure } from "../../dialects/openai/upstream-failure.ts";
import type { Model } from "../../model.ts";
import { describeWire, goldenFacts as facts, toSseEvent } from "../wire-golden.ts";
import { bedrockWire } from "./bedrock.ts";

const upstreamName = "us.anthropic.claude-sonnet-4-6-v1:0";
const part = (content: object) => ({ messages: [{ role: "user", content: [content] }] });

describeWire({
  ...{ wire: bedrockWire, upstreamName, folder: new URL("golden/", import.meta.url) },
  limitOf: (body) => (body["inferenceConfig"] as { maxTokens?: number }).maxTokens,
  refused: [
    [{ n: 2 }, "n"],
    [{ logprobs: true }, "logprobs"],
    [{ frequency_penalty: 0.5 }, "frequency_penalty"],
    [{ parallel_tool_calls: false }, "parallel_tool_calls"],
    [{ response_format: { type: "json_object" } }, "response_format.type"],
    [{ tools: [{ type: "custom", custom: {} }] }, "tools[0].type"],
    [part({ type: "input_audio" }), "messages[0].content[0].type"],
    // W21: nothing is fetched for a caller.
    [part({ type: "image_url", image_url: { url: "http://127.0.0.1/i.png" } }), "messages[0].content[0].image_url.url"],
    [
      part({ type: "image_url", image_url: { url: "data:image/tiff;base64,AAAA" } }),
      "messages[0].content[0].image_url.url",
    ],
  ],
});

test("W45: what is asked is signed with keys of AWS, or bears a key of Bedrock", () => {
  const sent = {
    ...{ method: "POST", authority: "bedrock-runtime.eu-west-1.amazonaws.com", path: "/model/a%3A0/converse" },
    ...{ body: Buffer.from("{}"), nowMs: Date.UTC(2026, 10, 27, 3, 30) },
  };
  const signed = bedrockWire.sign?.("AKIDEXAMPLE:wJalr/XU+=:token", sent) ?? {};
  assert.deepEqual(Object.keys(signed).sort(), ["authorization", "x-amz-date", "x-amz-security-token"]);
  assert.match(
    signed["authorization"] ?? "",
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20261127\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
  );
  assert.deepEqual(bedrockWire.toHeaders("AKIDEXAMPLE:wJalr/XU+=:token"), {});
  assert.deepEqual(bedrockWire.toHeaders("ABSKQmVkcm9jaw=="), { authorization: "Bearer ABSKQmVkcm9jaw==" });
  assert.deepEqual(bedrockWire.sign?.("ABSKQmVkcm9jaw==", sent), {});
  assert.deepEqual([bedrockWire.toHeaders(""), bedrockWire.sign?.("", sent)], [{}, {}]);
});

test("an exception within a stream is the failure it would have been on its own", () => {
  for (const [exception, failure] of [
    ["throttlingException", aiGatewayFailures.upstream_rate_limited],
    ["serviceUnavailableException", aiGatewayFailures.upstream_overloaded],
    ["validationException", aiGatewayFailures.upstream_rejected],
    ["accessDeniedException", aiGatewayFailures.upstream_unauthorized],
    ["modelStreamErrorException", aiGatewayFailures.upstream_failed],
    ["unknown", aiGatewayFailures.upstream_failed],
  ] as const) {
    const [event] = bedrockWire.createStream(facts).read(toSseEvent({ exception }));
    assert.ok(isFailure(findInBandFailure("m", JSON.parse(event?.data ?? "")), failure), exception);
  }
  assert.equal(bedrockWire.toAnswer(Buffer.alloc(0), { message: "sk-secret" }, facts).json, null);
});

test("W14: what a model on Bedrock has no word for is refused by name, or left out where the provider says so", () => {
  const nova: Model = {
    ...{ name: "m", upstreamName: "amazon.nova-pro-v1:0", maxOutputTokens: 4_096, showsAllOutput: false },
    ...{ inputUsdPerMillion: undefined, cachedInputUsdPerMillion: undefined, outputUsdPerMillion: undefined },
  };
  for (const [param, value] of Object.entries({ reasoning_effort: "low", top_k: 5 })) {
    const asked = { model: "m", messages: [{ role: "user", content: "hi" }], [param]: value };
    const request = readRequest("chat", Buffer.from(JSON.stringify(asked)));
    const refused = (err: unknown) => isFailure(err) && err.details["param"] === param;
    assert.throws(() => bedrockWire.draft(request, nova), refused);
    const sent = bedrockWire.draft(request, nova, { unsupportedParameters: "drop" }).toBody(undefined);
    assert.equal(JSON.parse(sent.toString()).additionalModelRequestFields, undefined);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { toAnthropicFailureReply } from "../anthropic/failure-reply.ts";
import { toGeminiFailureReply } from "../gemini/failure-reply.ts";
import { toOpenAiFailureReply } from "./failure-reply.ts";
import {
  type CredentialRefused,
  findInBandFailure,
  toUpstreamFailure,
  type UpstreamStatus,
} from "./upstream-failure.ts";

const failureOf = (status: number, error: object, retryAfterMs?: number) =>
  toUpstreamFailure({ model: "m", status, body: { error }, retryAfterMs });

test("a refusal names the provider's parameter and code, and quotes nothing else", () => {
  const { type, details, message } = failureOf(400, {
    message: "secret words",
    param: "messages[0].content",
    code: "string_too_long",
  });
  assert.equal(type.publicCode, "GATEWAY_004");
  assert.deepEqual([details["param"], details["code"]], ["messages[0].content", "string_too_long"]);
  assert.doesNotMatch(message, /secret words/);
});

test("vendors of voices say in words of their own what is wrong, with the text and with the account", () => {
  const failureOfBody = (status: number, body: object) =>
    toUpstreamFailure({ model: "m", status, body, retryAfterMs: undefined });
  const elevenLabs = (status: string) => ({ detail: { status, message: "secret words" } });
  const tooLong = failureOfBody(400, elevenLabs("max_character_limit_exceeded"));
  assert.deepEqual([tooLong.type.publicCode, tooLong.details["code"]], ["GATEWAY_004", "max_character_limit_exceeded"]);
  assert.doesNotMatch(tooLong.message, /secret words/);
  assert.equal(failureOfBody(400, { err_code: "INVALID_QUERY_PARAMETER" }).details["code"], "INVALID_QUERY_PARAMETER");

  const unknown = failureOfBody(404, elevenLabs("voice_not_found"));
  assert.deepEqual([unknown.type.publicCode, unknown.details["param"]], ["GATEWAY_004", "voice"]);
  assert.equal(failureOfBody(404, elevenLabs("model_not_found")).type, aiGatewayFailures.upstream_failed);

  // One has no money and the other no key: how soon either is tried again is not the same.
  for (const [word, status] of [
    ["quota_exceeded", 402],
    ["invalid_api_key", 401],
  ] as const) {
    const refused = failureOfBody(401, elevenLabs(word));
    assert.equal(refused.type, aiGatewayFailures.upstream_unauthorized);
    assert.equal((refused.cause as CredentialRefused).status, status);
  }
  // What others have in `detail` is a list or a text.
  assert.equal(failureOfBody(422, { detail: [{ loc: ["body"], msg: "x" }] }).details["code"], undefined);
  assert.equal(failureOfBody(422, { detail: "x", status: "y" }).details["code"], undefined);
});

test("a version that Replicate does not have is no mistake of the caller's", () => {
  const failureOfTitle = (title: string) =>
    toUpstreamFailure({ model: "m", status: 422, body: { title, detail: "x", status: 422 }, retryAfterMs: undefined });
  const unknown = failureOfTitle("Invalid version or not permitted");
  assert.equal(unknown.type, aiGatewayFailures.upstream_failed);
  assert.equal((unknown.cause as UpstreamStatus).status, 422);
  assert.equal(failureOfTitle("Input validation failed").type, aiGatewayFailures.upstream_rejected);
});

test("what is not a plain word, or looks like a secret, is not passed on", () => {
  const values = [
    "a b",
    "<script>",
    "x".repeat(101),
    "sk-abcdefgh12345678",
    "a".repeat(40),
    "key_0123456789",
    5,
    null,
    {},
    "\u0000",
  ];
  for (const value of values) {
    const { details } = failureOf(400, { param: value, code: value });
    assert.deepEqual([details["param"], details["code"]], ["", undefined], String(value));
  }
});

test("where waiting helps the caller is told for how long", () => {
  assert.equal(failureOf(429, {}, 7_000).retryAfterMs, 7_000);
  assert.equal(failureOf(503, {}, 500).retryAfterMs, 500);
  assert.equal(failureOf(429, {}).retryAfterMs, undefined);
  const details = [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "2s" }];
  assert.equal(findInBandFailure("m", { error: { code: 429, details } })?.retryAfterMs, 2_000);
});

test("the platform's own lack of quota is not the caller's rate limit", () => {
  assert.equal(failureOf(429, { code: "insufficient_quota" }).type.publicCode, "GATEWAY_006");
});

test("an error inside a 200 is found, with the status it names", () => {
  assert.equal(findInBandFailure("m", { choices: [], error: null }), undefined);
  assert.equal(findInBandFailure("m", { error: "text" })?.type.publicCode, "GATEWAY_007");
  assert.equal(findInBandFailure("m", { error: { code: 429 } })?.type.publicCode, "GATEWAY_005");
  assert.equal(findInBandFailure("m", { error: { status: 401 } })?.type.publicCode, "GATEWAY_006");
  assert.equal(findInBandFailure("m", { error: { code: "overloaded" } })?.type.publicCode, "GATEWAY_007");
});

test("W8, W11: a choice that failed is an error inside a 200, as OpenRouter tells it, and one that ended is none", () => {
  const failed = (choice: object) => findInBandFailure("m", { choices: [{ index: 0 }, choice] })?.type.publicCode;
  assert.equal(failed({ finish_reason: "error" }), "GATEWAY_007");
  assert.equal(failed({ finish_reason: "error", error: { code: 429, message: "sk-secret" } }), "GATEWAY_005");
  assert.equal(failed({ finish_reason: "stop", error: { code: 502 } }), "GATEWAY_007");
  for (const reason of ["stop", "length", "content_filter", null])
    assert.equal(failed({ finish_reason: reason, error: null }), undefined);
});

const context = { traceId: "t", requestId: "r", locale: "en_US" } as const;
/** Status, and what a program reads of it, in each dialect. */
function repliesTo(failure: Failure) {
  const openAi = toOpenAiFailureReply(failure, context);
  const anthropic = toAnthropicFailureReply(failure, context);
  const gemini = toGeminiFailureReply(failure, context);
  return {
    openAi: [openAi.status, JSON.parse(openAi.body).error.type, JSON.parse(openAi.body).error.code],
    anthropic: [anthropic.status, JSON.parse(anthropic.body).error.type],
    gemini: [gemini.status, JSON.parse(gemini.body).error.status],
    retryAfter: [openAi, anthropic, gemini].map(({ headers }) => headers["retry-after"]),
  };
}

test("W35: the four meanings of 429, and Anthropic's 529, are told apart in every dialect", () => {
  const limited = repliesTo(failureOf(429, { code: "rate_limit_exceeded" }, 7_000));
  assert.deepEqual(limited.openAi, [429, "rate_limit_error", "rate_limit_exceeded"]);
  assert.deepEqual(
    [limited.anthropic, limited.gemini],
    [
      [429, "rate_limit_error"],
      [429, "RESOURCE_EXHAUSTED"],
    ],
  );
  assert.deepEqual(limited.retryAfter, ["7", "7", "7"]);

  const used = repliesTo(failureOf(429, { code: "insufficient_quota" }, 7_000));
  assert.deepEqual([used.openAi[0], used.anthropic[0], used.gemini[0]], [502, 502, 502], "nothing to wait for");
  assert.deepEqual(used.retryAfter, [undefined, undefined, undefined]);

  for (const status of [503, 529]) {
    const overloaded = repliesTo(failureOf(status, { type: "overloaded_error" }, 2_000));
    assert.deepEqual(overloaded.openAi.slice(0, 2), [503, "server_error"], String(status));
    assert.deepEqual(
      [overloaded.anthropic, overloaded.gemini],
      [
        [503, "overloaded_error"],
        [503, "UNAVAILABLE"],
      ],
    );
    assert.deepEqual(overloaded.retryAfter, ["2", "2", "2"]);
  }

  const details = { model: "m", of: "tokens", what: "tokens per minute", retryAfterSeconds: 9 };
  const ours = repliesTo(new Failure(aiGatewayFailures.model_limited, details, { retryAfterMs: 8_001 }));
  assert.deepEqual(ours.openAi, [429, "rate_limit_error", "rate_limit_exceeded"]);
  assert.deepEqual(
    [ours.anthropic, ours.retryAfter],
    [
      [429, "rate_limit_error"],
      ["9", "9", "9"],
    ],
  );
});

test("W36: SDKs are told not to repeat what no repeat mends, by the header that they obey, and when to repeat the rest", () => {
  const headersOf = (failure: Failure) =>
    [toOpenAiFailureReply, toAnthropicFailureReply, toGeminiFailureReply].map((toReply) => {
      const { headers } = toReply(failure, context);
      return [headers["x-should-retry"], headers["retry-after"]];
    });
  const each = (one: readonly (string | undefined)[]) => [one, one, one];
  const wrongKey = new Failure(kitFailures.unauthenticated);
  for (const failure of [
    wrongKey,
    failureOf(401, {}),
    failureOf(403, {}),
    failureOf(429, { code: "insufficient_quota" }, 7_000),
  ])
    assert.deepEqual(headersOf(failure), each(["false", undefined]), failure.message);
  for (const failure of [failureOf(500, {}), failureOf(503, {}), failureOf(400, {}), failureOf(504, {})])
    assert.deepEqual(headersOf(failure), each([undefined, undefined]), failure.message);
  assert.deepEqual(headersOf(failureOf(429, { code: "rate_limit_exceeded" }, 7_000)), each([undefined, "7"]));
});

test("W39: missing money is 402 in every dialect, and says by a word which money it is", () => {
  const money = { required: "1", available: "0", currency: "USD" };
  const wallet = new Failure(billingFailures.insufficient_balance, { ...money, limit_source: "wallet" });
  const budget = { ...money, unit: "USD", limit: "5", period: "month", limit_source: "key" };
  for (const failure of [wallet, new Failure(billingFailures.budget_exceeded, budget)]) {
    const source = failure.details["limit_source"];
    const { openAi, anthropic, gemini } = repliesTo(failure);
    assert.deepEqual([openAi[0], openAi[1]], [402, "insufficient_quota"]);
    assert.deepEqual(
      [anthropic, gemini],
      [
        [402, "billing_error"],
        [402, "FAILED_PRECONDITION"],
      ],
    );
    const bodyOf = (toReply: typeof toOpenAiFailureReply) => JSON.parse(toReply(failure, context).body).error;
    assert.equal(bodyOf(toOpenAiFailureReply).details.limit_source, source);
    assert.equal(bodyOf(toAnthropicFailureReply).details.limit_source, source);
    assert.equal(bodyOf(toGeminiFailureReply).details[0].metadata.limit_source, source);
  }
});

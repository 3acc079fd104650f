import assert from "node:assert/strict";
import { test } from "node:test";
import { findInBandFailure, toUpstreamFailure } from "./upstream-failure.ts";

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

import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, type FailureKind, type FailureType } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { UpstreamError, type UpstreamErrorKind } from "../http/upstream/upstream-error.ts";
import { isBeforeSend, isWorthRetry, judgeError } from "./judge-error.ts";
import { resilienceFailures } from "./resilience-failures.ts";

const ofKind = (kind: FailureKind, isRetryable = false) =>
  new Failure({ ...kitFailures.internal, kind, isRetryable } satisfies FailureType);
const withCode = (code: string, cause?: unknown) => Object.assign(new Error("net", { cause }), { code });

test("what is broken counts against the peer, an answer that says no does not, and a caller who left says nothing", () => {
  const verdicts = {
    failure: ["unavailable", "deadline_exceeded", "internal", "unknown", "data_loss"],
    ignored: ["canceled", "resource_exhausted"],
    success: [
      ...["invalid_argument", "not_found", "already_exists", "permission_denied", "failed_precondition", "aborted"],
      ...["out_of_range", "unimplemented", "unauthenticated"],
    ],
  } as const;
  for (const [verdict, kinds] of Object.entries(verdicts)) {
    for (const kind of kinds) assert.equal(judgeError(ofKind(kind as FailureKind)), verdict, kind);
  }
  assert.equal(judgeError(new DOMException("left", "AbortError")), "ignored");
  assert.equal(judgeError(new Error("bug")), "failure");
  assert.equal(judgeError("thrown text"), "failure");
});

test("a connection that was not made has sent nothing, however deep the error lies; a reset one may have", () => {
  for (const code of ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]) {
    assert.ok(isBeforeSend(withCode(code)), code);
  }
  assert.ok(isBeforeSend(withCode("UND_ERR_CONNECT_TIMEOUT")));
  assert.ok(isBeforeSend(new Failure(kitFailures.unavailable, {}, { cause: withCode("X", withCode("ECONNREFUSED")) })));
  for (const err of [
    withCode("ECONNRESET"),
    withCode("XECONNREFUSEDX"),
    new Error("ECONNREFUSED"),
    ofKind("unavailable"),
  ]) {
    assert.ok(!isBeforeSend(err));
  }
  let chain = withCode("ECONNREFUSED");
  for (let i = 0; i < 7; i++) chain = withCode("X", chain);
  assert.ok(isBeforeSend(chain));
  assert.ok(!isBeforeSend(withCode("X", chain)), "eight errors are looked at");
  const circle = new Error("circle");
  circle.cause = circle;
  assert.ok(!isBeforeSend(circle));
});

test("of our own client's errors those are worth a repeat that found no connection, not those that found no room", () => {
  const ofUpstream = (kind: UpstreamErrorKind) => new UpstreamError(kind, "x", { mayHaveLeft: false });
  for (const kind of ["connect_failed", "connect_timeout", "unsent"] as const) {
    assert.ok(isBeforeSend(new Failure(kitFailures.unavailable, {}, { cause: ofUpstream(kind) })), kind);
  }
  for (const kind of [
    "queue_full",
    "queue_timeout",
    "pool_closed",
    "aborted",
    "connection_lost",
    "malformed_answer",
  ] as const) {
    assert.ok(!isBeforeSend(ofUpstream(kind)), kind);
  }
});

test("worth a repeat is what was not sent, and of what may be repeated that which may pass", () => {
  assert.ok(isWorthRetry(withCode("ECONNREFUSED"), false));
  for (const kind of ["unavailable", "resource_exhausted", "deadline_exceeded", "aborted"] as const) {
    assert.ok(isWorthRetry(ofKind(kind), true), kind);
    assert.ok(!isWorthRetry(ofKind(kind), false), kind);
  }
  assert.ok(isWorthRetry(ofKind("failed_precondition", true), true));
  for (const kind of ["not_found", "internal", "canceled"] as const) assert.ok(!isWorthRetry(ofKind(kind), true), kind);
  assert.ok(isWorthRetry(withCode("ECONNRESET"), true));
  assert.ok(!isWorthRetry(new DOMException("left", "AbortError"), true));
});

test("load that was turned away stays away, ours and that of a peer", () => {
  for (const type of [resilienceFailures.bulkhead_full, resilienceFailures.circuit_open]) {
    assert.ok(!isWorthRetry(new Failure(type, { policy: "peer" }, { retryAfterMs: 1 }), true));
    assert.ok(!isWorthRetry(new Failure(type, { policy: "peer" }, { cause: withCode("ECONNREFUSED") }), false));
  }
});

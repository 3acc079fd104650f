import { type FailureKind, isFailure } from "../errors/failure.ts";
import { UpstreamError, type UpstreamErrorKind } from "../http/upstream/upstream-error.ts";
import { resilienceFailures } from "./resilience-failures.ts";

const { circuit_open, bulkhead_full } = resilienceFailures;

/** What the end of a call says about whom it was made to; `ignored`: nothing. */
export type Verdict = "success" | "failure" | "ignored";

/** The peer is broken, away or too slow. */
const brokenKinds: ReadonlySet<FailureKind> = new Set([
  "unavailable",
  "deadline_exceeded",
  "internal",
  "unknown",
  "data_loss",
]);
/** The caller left, or the peer is well and has told us to slow down. */
const neutralKinds: ReadonlySet<FailureKind> = new Set(["canceled", "resource_exhausted"]);
/** The same call may end otherwise in a moment. */
const passingKinds: ReadonlySet<FailureKind> = new Set([
  "unavailable",
  "resource_exhausted",
  "deadline_exceeded",
  "aborted",
]);
/** Errors of Node.js and undici that come before a connection is there. */
const unconnectedCodes: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);
/** The same of our own client. A queue that is full is not among them: load that was turned away has to stay away. */
const unconnectedKinds: ReadonlySet<UpstreamErrorKind> = new Set(["connect_failed", "connect_timeout", "unsent"]);
const maxCauses = 8;

/**
 * What an error says about the peer: one that answers "not found" or "not allowed" is well. Anything thrown that is no
 * Failure counts against it, except an abort.
 */
export function judgeError(err: unknown): Verdict {
  if (isFailure(err)) {
    if (brokenKinds.has(err.type.kind)) return "failure";
    return neutralKinds.has(err.type.kind) ? "ignored" : "success";
  }
  return err instanceof Error && err.name === "AbortError" ? "ignored" : "failure";
}

/** True when the call has certainly not reached the peer, so that a repeat cannot do anything twice. */
export function isBeforeSend(err: unknown): boolean {
  let cause = err;
  for (let depth = 0; depth < maxCauses && cause instanceof Error; depth++) {
    if (cause instanceof UpstreamError && unconnectedKinds.has(cause.kind)) return true;
    if ("code" in cause && unconnectedCodes.has(cause.code)) return true;
    cause = cause.cause;
  }
  return false;
}

/**
 * The default condition of a retry: the call was not sent, or it may be repeated and its error may pass. What a breaker or
 * a bulkhead refused is never retried, be it ours or one behind the peer: load that was turned away has to stay away.
 */
export function isWorthRetry(err: unknown, isIdempotent: boolean): boolean {
  if (isFailure(err, circuit_open) || isFailure(err, bulkhead_full)) return false;
  if (isBeforeSend(err)) return true;
  if (!isIdempotent) return false;
  return isFailure(err) ? err.type.isRetryable || passingKinds.has(err.type.kind) : judgeError(err) === "failure";
}

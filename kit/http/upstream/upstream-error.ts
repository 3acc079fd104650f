/** Where a call ended. Beside each stands whether anything of the request can have left. */
export type UpstreamErrorKind =
  /** The request cannot be written as HTTP: a line break in a field, say. No. */
  | "invalid_request"
  /** The address guard refused the origin. What it says to the address at a connect is a `connect_failed`. No. */
  | "address_refused"
  /** As many calls wait for a connection as may. No. */
  | "queue_full"
  /** No connection became free in `queueTimeoutMs`. No. */
  | "queue_timeout"
  /** The connection did not come about: name, route, refusal, TLS. No. */
  | "connect_failed"
  /** The same, in `connectTimeoutMs`. No. */
  | "connect_timeout"
  /** The pool was closed: no while the call waited, else yes. */
  | "pool_closed"
  /** Who made the call gave it up: no while it waited, else yes. */
  | "aborted"
  /** The connection was found reset at the first write, and the system took no byte of it. No. */
  | "unsent"
  /** The head of the answer did not come in `headTimeoutMs`. Yes. */
  | "head_timeout"
  /** The answer paused for `idleTimeoutMs`. Yes. */
  | "idle_timeout"
  /** The connection closed or failed before the answer was whole. Yes. */
  | "connection_lost"
  /** What came is not an answer that this client reads. Yes. */
  | "malformed_answer";

export interface UpstreamErrorFacts {
  /** False only if certainly nothing of the request reached the peer, so that a repeat cannot do anything twice. */
  readonly mayHaveLeft: boolean;
  /** The limit that was passed, for the kinds that are about one. */
  readonly timeoutMs?: number | undefined;
  readonly cause?: unknown;
}

/** How a call failed. Its message holds nothing that the peer sent. */
export class UpstreamError extends Error {
  readonly kind: UpstreamErrorKind;
  readonly mayHaveLeft: boolean;
  readonly timeoutMs: number | undefined;

  constructor(kind: UpstreamErrorKind, message: string, facts: UpstreamErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "UpstreamError";
    this.kind = kind;
    this.mayHaveLeft = facts.mayHaveLeft;
    this.timeoutMs = facts.timeoutMs;
  }
}

/** What is wrong with an answer, in words of ours: thrown by the parsers, which know nothing of calls. */
export class MalformedAnswer extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "MalformedAnswer";
  }
}

import type { AnswerEvents } from "./answer-reader.ts";
import type { RequestBytes } from "./request-bytes.ts";
import type { UpstreamError } from "./upstream-error.ts";

/**
 * Hears of a call: `onHead` once, `onData` for each piece of the body, and last `onEnd` or `onError`, once. They are called
 * from the event loop, never from within `send`, and must not throw. A `Buffer` is valid only until the callback returns.
 */
export interface AnswerHandler extends AnswerEvents {
  /** The answer is whole. */
  onEnd(): void;
  /** The call failed, before its head or after; the connection is gone. */
  onError(err: UpstreamError): void;
}

/** A call on its way through a pool, for which it is the handle. Its fields are the pool's own. */
export interface UpstreamCall {
  readonly request: RequestBytes;
  readonly handler: AnswerHandler;
  /** Undefined while it waits, and after its end. */
  connection: Connection | undefined;
  /** True as soon as a byte of it may have left. */
  hasLeft: boolean;
  waitsSinceMs: number;
  /** Connections that turned out to be reset before they took a byte of it. */
  unsentTimes: number;
}

/** One connection, which carries one call at a time. */
export interface Connection {
  /** Writes a call's request. False where the system took no byte of it: the connection is gone, the call can go elsewhere. */
  send(call: UpstreamCall): boolean;
  pause(): void;
  resume(): void;
  /** Hears no more of the call and reads a short rest of its answer, so that the connection can be used again. */
  finish(): void;
  /** Waits for a call for `timeoutMs`, then closes. */
  idle(timeoutMs: number): void;
  /** Closes at once. A call on it hears `err`, or nothing. */
  destroy(err?: UpstreamError): void;
}

/** Limits of each call and connection, in milliseconds. */
export interface UpstreamLimits {
  /** For the connection to come about, TLS included. */
  readonly connectTimeoutMs: number;
  /** From the request's first byte to the whole head of its answer. */
  readonly headTimeoutMs: number;
  /** For a pause within a body, while it is being read: only its data counts, not what frames it. */
  readonly idleTimeoutMs: number;
}

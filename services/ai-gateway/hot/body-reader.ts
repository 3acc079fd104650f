import type { HotExchange } from "@lyss/kit/http/route.ts";
import type { Ending } from "../call/call.ts";
import type { CallRequest } from "../call/read-request.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Admitted } from "./admitted.ts";

/** Takes the body of an answer, piece by piece. */
export interface BodyReader {
  /** Bytes that are valid until it returns. Throws what is wrong with them. */
  onData(bytes: Buffer): void;
  /** The body is whole. */
  onEnd(): void;
  /** The call failed or was ended: what of the answer has come is settled, and the caller told. */
  onFail(failure: unknown): void;
}

/** A call whose answer is being read. */
export interface RelayedCall {
  readonly deps: AiGatewayDeps;
  readonly exchange: HotExchange;
  readonly admitted: Admitted;
  readonly hasCallerLeft: boolean;
  /** The parsed request, for what is rare: to estimate what was not reported. */
  readonly parsed: CallRequest;
  /** The first of a streamed answer is about to leave. Called once. */
  noteFirstToken(): void;
  /** Settles; `then` is called when the charge cannot be lost any more. Called once. */
  settle(ending: Ending, then: () => void): void;
  /** Nothing has been delivered, and nothing is charged: the call goes on at another target, or fails. */
  failWithoutAnswer(failure: unknown): void;
  /** The caller is gone, or as good as. Drained is what reports its usage only at the end. */
  leave(): void;
  /** For who has read enough: the connection is kept where the rest is short. */
  finishUpstream(): void;
  pauseUpstream(): void;
  resumeUpstream(): void;
}

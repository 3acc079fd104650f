import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import type { RequestBytes } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { UpstreamPool } from "@lyss/kit/http/upstream/upstream-pool.ts";
import type { PolicyPlace } from "@lyss/kit/resilience/policy-place.ts";
import { mostOutputTokens } from "../call/call-to-fund.ts";
import type { KeepAlive } from "../call/keep-alive.ts";
import { readTags } from "../call/read-tags.ts";
import type { Choice } from "../choices/choice.ts";
import type { CallToFund, Drawn } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import type { LimitPlace } from "../model-limits/model-limits.ts";
import type { Conversation } from "../routing/affinity.ts";
import type { ScannedRequest } from "../scan/scan-request.ts";

/** What goes upstream, and over which connections. */
export interface Message {
  readonly pool: UpstreamPool;
  readonly message: RequestBytes;
}

/** Composes it; undefined where it cannot be written as HTTP. */
export type Compose = (request: ScannedRequest, target: Target, secret: string) => Message | undefined;

/** A call that was let in, with everything that was taken for it. */
export interface Admitted extends Message {
  readonly callId: string;
  /** Which of the call's attempts, from 1. */
  readonly attempt: number;
  readonly request: ScannedRequest;
  readonly target: Target;
  /** The conversation that it belongs to; undefined where it is all the same which target it goes to. */
  readonly conversation: Conversation | undefined;
  readonly choice: Choice | undefined;
  /** All that offer the model, and those that the call has come to. */
  readonly targets: readonly Target[];
  readonly tried: readonly Target[];
  readonly place: PolicyPlace;
  /** Of the call, whichever attempt is under way. */
  readonly keepAlive: KeepAlive | undefined;
  /** What it has taken of limits on its target, and what its caller is told of its own; undefined where there are none. */
  readonly limited: LimitPlace | undefined;
  readonly limitHead: string;
  /** Of the first attempt. */
  readonly drawn: Drawn;
  readonly compose: Compose;
}

/** What is to be set aside for an attempt; undefined where the tags are none. */
export function toFund({
  callId,
  attempt,
  request,
  target,
  exchange,
}: Pick<Admitted, "callId" | "attempt" | "request" | "target"> & { readonly exchange: HotExchange }):
  | CallToFund
  | undefined {
  const { caller, requestId, headers } = exchange.facts;
  const { tenantId, keyId, userId } = caller;
  const most = mostOutputTokens({ surface: "chat", outputLimit: request.outputLimit }, target);
  try {
    // Field by field: what is spread is copied by name for each call, a twentieth of all that a call computes.
    return {
      callId,
      attempt,
      requestId,
      tenantId,
      keyId,
      userId,
      provider: target.provider.name,
      model: target.model.name,
      tags: readTags({ headers }),
      isStreamed: request.isStream,
      // A token has at least a byte, and what frames a message takes more bytes than tokens.
      inputTokens: BigInt(request.body.length),
      maxOutputTokens: BigInt(most),
      minOutputTokens: BigInt(most),
      choices: request.choices,
      serviceMode: request.serviceMode,
    };
  } catch (err) {
    if (isFailure(err)) return undefined;
    throw err;
  }
}

/** Lines of an answer's head that tell of its call. */
export function headOf({ callId, attempt, target, limitHead }: Admitted): string {
  return `lyss-call-id: ${callId}\r\nlyss-provider: ${target.provider.name}\r\nlyss-attempts: ${attempt}\r\n${limitHead}`;
}

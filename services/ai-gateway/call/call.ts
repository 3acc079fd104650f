import type { ServerResponse } from "node:http";
import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import { isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import type { ShownText } from "../continuation/shown-text.ts";
import type { AnswerGuard, AnswerWriter } from "../dialects/dialect.ts";
import type { ReportedUsage } from "../dialects/openai/usage.ts";
import type { Funds } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import type { LimitPlace } from "../model-limits/model-limits.ts";
import type { AnswerRecord } from "../once/call-once.ts";
import type { Wire, WireDraft, WireFacts } from "../providers/wire.ts";
import type { Conversation } from "../routing/affinity.ts";
import { isSpoken, writesText } from "../surfaces/surface.ts";
import type { TokenCounter } from "./count-tokens.ts";
import type { Dispatch } from "./dispatch.ts";
import type { KeepAlive } from "./keep-alive.ts";
import type { CallRequest } from "./read-request.ts";
import type { StreamMeter } from "./stream-meter.ts";
import type { CallerWatch } from "./watch-caller.ts";

/** One model call on its way through the stages. */
export interface Call {
  readonly callId: string;
  readonly requestId: string;
  readonly tenantId: string;
  /** The conversation that it belongs to; undefined where it is all the same which target it goes to. */
  readonly conversation: Conversation | undefined;
  /** Which of the call's attempts this is, from 1. */
  readonly attempt: number;
  readonly request: CallRequest;
  /** OpenTelemetry's name for what is asked. */
  readonly operation: string;
  readonly target: Target;
  readonly counter: TokenCounter;
  /** The bound of the input that was held for. */
  readonly inputTokens: number;
  /** What pays for it. */
  readonly funds: Funds;
  /** What it has taken of limits on its target; undefined where there are none. */
  readonly limited: LimitPlace | undefined;
  /** Its claim to a place at its target, until it takes one. */
  readonly giveUpClaim: (() => void) | undefined;
  /** For a stream that is paid for as it runs. */
  readonly meter: StreamMeter | undefined;
  /** The limit to write into the request, when money allows less than the caller or the model would. */
  readonly outputTokens: number | undefined;
  /** What goes upstream, but for the limit of its answer. */
  readonly draft: WireDraft;
  /** Reads what comes back. */
  readonly wire: Wire;
  readonly facts: WireFacts;
  /** Writes the answer in the caller's dialect. */
  readonly writer: AnswerWriter;
  /** What its stream has shown; undefined where it is not to be gone on with elsewhere. */
  readonly shown: ShownText | undefined;
  /** True where an answer that has begun elsewhere goes on: what fails is told in it, and tried nowhere else. */
  readonly isContinuation: boolean;
  /** Looks at the answer before it is written; undefined where no rule is for it. */
  readonly guard: AnswerGuard | undefined;
  readonly res: ServerResponse;
  /** For a stream that is kept alive: its head may have left before anything of its answer. */
  readonly keepAlive: KeepAlive | undefined;
  /** Answers the caller of a call that goes on without one; to be awaited before anything is sent. */
  readonly begin: (() => Promise<void>) | undefined;
  readonly locale: Locale;
  readonly startedMs: number;
  readonly dispatch: Dispatch;
  readonly caller: CallerWatch;
  /**
   * Aborted when the caller goes away and the call is not drained, or with the Failure that the caller is to hear; ends
   * this attempt upstream, as do the time limits of its provider.
   */
  readonly abort: AbortController;
  /** What the caller gets is kept there, when it came with an idempotency key. */
  readonly record: AnswerRecord | undefined;
  /** Told when the attempt that the call ends with is settled, unless nothing was delivered; for calls that are compared. */
  readonly onSettled?: ((settled: Settled) => void) | undefined;
}

/** How a call was served in the end. */
export interface Settled {
  readonly target: Target;
  readonly outcome: EndedAs;
  readonly tokens: ReportedUsage;
  /** Undefined where it is not known here. */
  readonly costNanos: bigint | undefined;
}

/** True when the caller has gone away, as opposed to a time limit or a stop of ours that ended the call. */
export function hasCallerLeft({ caller, abort: { signal } }: Call): boolean {
  return caller.left.aborted || (signal.aborted && !isFailure(signal.reason));
}

/** How a call ended whose answer came whole: without its caller it counts as completed only where it is kept for a repeat. */
export function endOfWholeAnswer(call: Call): EndedAs {
  return hasCallerLeft(call) && !call.record ? "canceled" : "completed";
}

/** What every answer tells of its call. */
export function headersOf({ requestId, callId, attempt, target }: Call): Record<string, string> {
  return { "x-request-id": requestId, "lyss-call-id": callId, ...servedBy(target, attempt) };
}

/** Which provider has served a call, and at which attempt. */
export function servedBy({ provider }: Target, attempt: number): Record<string, string> {
  return { "lyss-provider": provider.name, "lyss-attempts": String(attempt) };
}

export type EndedAs = "completed" | "failed" | "canceled" | "truncated";

/** How a call ended and what is charged for it. */
export interface Ending {
  readonly outcome: EndedAs;
  readonly tokens: ReportedUsage;
  /** As the provider says that it served the call; its usual one when undefined. */
  readonly serviceMode?: ServiceMode | undefined;
  readonly isEstimated: boolean;
}

/** Nothing was delivered, so nothing is charged. */
export function endWithoutCharge(outcome: EndedAs): Ending {
  return { outcome, tokens: { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n }, isEstimated: false };
}

/** What a provider said of a call. */
export interface Reported {
  readonly usage: ReportedUsage | undefined;
  readonly serviceMode: ServiceMode | undefined;
}

/** What was put out: text, and the tokens of what came before it. */
export interface Delivered {
  readonly text: string;
  readonly countedTokens: number;
}

/**
 * What is charged for an answer: the provider's own figures, else ours for what went in and came out, marked as estimated. Of a
 * metered stream no more than was set aside: counted in other pieces than when it was let through, the same text may have a token more.
 */
export async function endWithCharge(
  { counter, request, meter }: Pick<Call, "counter" | "request"> & Partial<Pick<Call, "meter">>,
  outcome: EndedAs,
  { usage, serviceMode }: Reported,
  { text, countedTokens }: Delivered,
): Promise<Ending> {
  if (usage) return { outcome, tokens: usage, serviceMode, isEstimated: false };
  const inputTokens = await counter.estimateInput(request);
  const isWritten = writesText(request.surface) || isSpoken(request.surface);
  const counted = isWritten ? countedTokens + (await counter.estimateText(text)) : 0;
  const outputTokens = Math.min(counted, meter?.heldTokens ?? counted);
  const otherBuckets = request.units?.likely;
  const tokens = {
    ...{ inputTokens: BigInt(inputTokens), cachedInputTokens: 0n, outputTokens: BigInt(outputTokens) },
    ...(otherBuckets && { otherBuckets }),
  };
  return { outcome, tokens, serviceMode, isEstimated: true };
}

import { once } from "node:events";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { noteShown, type ShownText } from "../continuation/shown-text.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { listFinished, textOf } from "../dialects/openai/delivered-text.ts";
import { createSseReader, type SseEvent } from "../dialects/openai/sse.ts";
import { findInBandFailure } from "../dialects/openai/upstream-failure.ts";
import { type ReportedUsage, readServiceMode, readUsage } from "../dialects/openai/usage.ts";
import { isRefusedByGuard } from "../guardrails/answer-guard.ts";
import { isOfTarget } from "../routing/fail-over.ts";
import {
  type Call,
  type Ending,
  endOfWholeAnswer,
  endWithCharge,
  endWithoutCharge,
  hasCallerLeft,
  headersOf,
} from "./call.ts";
import { noteAnswering } from "./dispatch.ts";
import type { FailedAttempt } from "./race.ts";
import { toFailure } from "./send-upstream.ts";

/** A stream may put out megabytes, and a slow reader keep it open for hours: of its text no more than this is kept. */
export const maxKeptLength = 4_096;
/** What a comment of server-sent events begins with. */
const colon = 0x3a;
export const streamContentType = "text/event-stream; charset=utf-8";

/** What a stream has shown so far. */
export interface Progress {
  usage: ReportedUsage | undefined;
  serviceMode: ServiceMode | undefined;
  /** Text that was passed on and is not counted yet, for when the provider does not report. */
  text: string;
  countedTokens: number;
  /** True once something of the answer has left: from there on nothing is repeated. Keep-alives are no part of it. */
  hasBegun: boolean;
  /** Choices that said why they ended. */
  readonly finished: Set<number>;
  isDone: boolean;
  /** Kept for an answer that may be gone on with elsewhere. */
  shown?: ShownText | undefined;
}

export function createProgress(): Progress {
  return {
    ...{ usage: undefined, serviceMode: undefined, text: "", countedTokens: 0, hasBegun: false },
    ...{ finished: new Set(), isDone: false },
  };
}

/**
 * Relays a streamed answer event by event. What ends it (`[DONE]` in OpenAI's dialect) leaves only after the charge is
 * committed, and only behind a complete answer: a stream that breaks off ends with an error event instead. Throws, with
 * nothing of an answer sent, when the stream fails before its first event. Gives how one ended that may be gone on with elsewhere: it is
 * settled, and its end is not told yet.
 */
export async function relayStream(
  deps: AiGatewayDeps,
  call: Call,
  answer: Answer,
  settle: (ending: Ending) => Promise<void>,
): Promise<FailedAttempt | undefined> {
  const { res } = call;
  const progress = createProgress();
  progress.shown = call.shown;
  try {
    await passEvents(deps, call, answer, progress);
    if (!progress.isDone && progress.finished.size < call.request.answers) {
      throw new Failure(aiGatewayFailures.upstream_truncated, { model: call.target.model.name });
    }
    // What the rules of the call have held back until the answer was whole.
    await deliver(deps, call, progress, call.guard?.end(call.writer));
    await deliver(deps, call, progress, await judged(call, true));
  } catch (err) {
    answer.discard();
    // What a rule refuses was made, and is charged, whether or not anything of it has left; nobody else is asked for it.
    const isRefused = isRefusedByGuard(err);
    const hasMade = progress.text !== "" || progress.countedTokens > 0 || progress.usage !== undefined;
    const outcome = hasCallerLeft(call) ? "canceled" : progress.hasBegun || isRefused ? "truncated" : "failed";
    const isCharged = hasMade && (outcome !== "failed" || !call.guard);
    const ending = isCharged ? await endWithCharge(call, outcome, progress, progress) : endWithoutCharge(outcome);
    const failure = toFailure(deps, call, err);
    await settle(ending);
    if (outcome === "truncated" && isCharged && mayGoOn(progress) && isOfTarget(failure)) {
      return { err: failure, ending, hasBegun: true };
    }
    const isInBand = progress.hasBegun || (isRefused && res.headersSent);
    if (!isInBand || !(failure instanceof Failure) || res.destroyed) throw failure;
    res.end(call.writer.fail(failure, call.locale));
    return undefined;
  }
  const ending = await endWithCharge(call, endOfWholeAnswer(call), progress, progress);
  const lastEvents = await call.writer.end(ending.tokens);
  call.record?.add(lastEvents);
  await call.record?.keep(contentTypeOf(call), ending.tokens);
  await settle(ending);
  if (res.destroyed) return undefined;
  if (!res.headersSent) res.writeHead(200, streamHead(call, headersOf(call)));
  res.end(lastEvents);
  return undefined;
}

function mayGoOn({ shown, finished }: Progress): boolean {
  return shown?.isPlain === true && shown.text !== "" && finished.size === 0;
}

async function passEvents(deps: AiGatewayDeps, call: Call, answer: Answer, progress: Progress): Promise<void> {
  const { contentType = "text/event-stream", createReader = createSseReader } = call.wire.framing ?? {};
  if (!answer.head.find("content-type")?.startsWith(contentType)) {
    throw new Failure(aiGatewayFailures.upstream_failed, { model: call.target.model.name });
  }
  const reader = createReader(deps.settings.maxEventBytes);
  const stream = call.wire.createStream(call.facts);
  for await (const chunk of answer.body) {
    const events = reader.push(chunk).flatMap((event) => stream.read(event));
    await passOn(deps, call, events, progress);
    if (progress.text.length > maxKeptLength) await countLongText(call, progress);
    if (progress.isDone) return;
  }
  const last = reader.flush();
  if (last) await passOn(deps, call, stream.read(last), progress);
}

/** What of the answer is let through by whom its rules ask. */
function judged({ guard, writer, abort }: Call, isEnd: boolean): Promise<Buffer | undefined> | undefined {
  return guard?.judge?.(writer, isEnd, abort.signal);
}

/** Passes on a part of the answer, and keeps it for a repeat. */
async function deliver(deps: AiGatewayDeps, call: Call, progress: Progress, bytes: Buffer | undefined): Promise<void> {
  if (!bytes) return;
  call.record?.add(bytes);
  await writeToCaller(deps, call, progress, bytes);
}

async function countLongText({ counter }: Call, progress: Progress): Promise<void> {
  const { text, usage } = progress;
  progress.text = "";
  if (usage === undefined) progress.countedTokens += await counter.estimateText(text);
}

async function passOn(deps: AiGatewayDeps, call: Call, events: readonly SseEvent[], progress: Progress): Promise<void> {
  const pieces: Buffer[] = [];
  const before = progress.text;
  let failure: unknown;
  for (const event of events) {
    try {
      const isRead = call.record !== undefined || !hasCallerLeft(call);
      const piece = toCallerEvent({ ...call, isRead }, event, progress);
      if (piece) pieces.push(piece);
    } catch (err) {
      // What came whole before the fault is still delivered.
      failure = err;
      break;
    }
    if (progress.isDone) break;
  }
  const admitting = call.meter?.admit(progress.text.slice(before.length));
  if (admitting) {
    await admitting.catch((err: unknown) => {
      // What does not leave is not charged.
      progress.text = before;
      throw err;
    });
  }
  if (pieces.length > 0) await deliver(deps, call, progress, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  if (failure) throw failure;
  const judging = judged(call, false);
  if (judging) await deliver(deps, call, progress, await judging);
}

/** The event for the caller, or undefined for one that is not the caller's. Throws the failure that it carries. */
export function toCallerEvent(
  {
    target,
    writer,
    guard,
    isRead,
  }: Pick<Call, "target" | "writer"> & Partial<Pick<Call, "guard">> & { readonly isRead: boolean },
  event: SseEvent,
  progress: Progress,
): Buffer | undefined {
  const { data } = event;
  if (data === undefined) {
    // A provider's own keep-alive commits nobody to its answer.
    if (!progress.hasBegun && event.raw[0] === colon) return undefined;
    return guard ? guard.write(writer, event, undefined) : writer.event(event, undefined);
  }
  if (data === "[DONE]") {
    progress.isDone = true;
    return undefined;
  }
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch (cause) {
    throw new Failure(aiGatewayFailures.upstream_truncated, { model: target.model.name }, { cause });
  }
  const failure = findInBandFailure(target.model.name, json);
  if (failure) throw failure;
  progress.usage = readUsage(json) ?? progress.usage;
  progress.serviceMode = readServiceMode(json) ?? progress.serviceMode;
  // What nobody reads any more is not charged by our count, only by the provider's.
  if (isRead) progress.text += textOf(json);
  for (const index of listFinished(json)) progress.finished.add(index);
  const written = guard ? guard.write(writer, event, json) : writer.event(event, json);
  if (progress.shown) noteShown(progress.shown, json);
  return written;
}

function contentTypeOf({ writer }: Pick<Call, "writer">): string {
  return writer.streamContentType ?? streamContentType;
}

/** The head of a streamed answer: no proxy is to keep it, or to hold back its events. */
export function streamHead(call: Pick<Call, "writer">, headers: Record<string, string>): Record<string, string> {
  return {
    ...{ "content-type": contentTypeOf(call), "cache-control": "no-cache", "x-accel-buffering": "no" },
    ...headers,
  };
}

/** Writes and waits while the caller reads more slowly than the provider sends, so that memory stays flat. */
export async function writeToCaller(
  { settings, clock }: AiGatewayDeps,
  call: Call,
  progress: Pick<Progress, "hasBegun">,
  bytes: Buffer,
): Promise<void> {
  const { res, abort, caller } = call;
  abort.signal.throwIfAborted();
  if (caller.left.aborted) return;
  if (!res.headersSent) res.writeHead(200, streamHead(call, headersOf(call)));
  if (!progress.hasBegun) noteAnswering(call.dispatch);
  if (!progress.hasBegun && call.request.isStream) call.dispatch.firstTokenAtMs = clock.monotonicMs();
  progress.hasBegun = true;
  call.keepAlive?.note();
  if (res.write(bytes)) return;
  const stalled = AbortSignal.timeout(settings.idleTimeoutMs);
  try {
    await once(res, "drain", { signal: AbortSignal.any([abort.signal, stalled, caller.left]) });
  } catch {
    abort.signal.throwIfAborted();
    if (caller.left.aborted) return;
    // A caller that stopped reading is as good as gone.
    caller.leave();
    res.destroy();
    abort.signal.throwIfAborted();
  }
}

import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { createSseReader, type SseEvent } from "../dialects/openai/sse.ts";
import { findInBandFailure } from "../dialects/openai/upstream-failure.ts";
import { fieldOf, type ReportedUsage } from "../dialects/openai/usage.ts";
import { readUsageOf } from "../surfaces/read-units.ts";
import { isSpoken, type Surface } from "../surfaces/surface.ts";
import {
  type Call,
  type Ending,
  endOfWholeAnswer,
  endWithCharge,
  endWithoutCharge,
  hasCallerLeft,
  headersOf,
} from "./call.ts";
import { relayAnswer } from "./relay-answer.ts";
import { maxKeptLength, streamHead, writeToCaller } from "./relay-stream.ts";
import { toFailure } from "./send-upstream.ts";

/** What a media answer has shown so far. */
interface MediaProgress {
  hasBegun: boolean;
  usage: ReportedUsage | undefined;
  serviceMode: undefined;
  /** A transcript that is text, and is not counted yet. */
  text: string;
  countedTokens: number;
  /** What ends it, and leaves when the charge is committed: its last byte, or its last event. */
  held: Buffer;
  isDone: boolean;
}

const nothing = Buffer.alloc(0);
const eventStream = /^text\/event-stream\b/i;
const sound = /^(audio\/[\w.+-]+|application\/octet-stream)\b/i;
const transcript = /^(text\/(?!html\b)[\w.+-]+|application\/x-subrip)\b/i;

/**
 * Relays a sound, a transcript or an image as the provider sends it, in its content type. JSON is an answer like any other. The end of
 * everything else leaves when its charge is committed; one that breaks off ends with an error event, or without its end. Throws, with
 * nothing sent, when the answer fails before it has begun.
 */
export async function relayMedia(
  deps: AiGatewayDeps,
  call: Call,
  answer: Answer,
  settle: (ending: Ending) => Promise<void>,
): Promise<void> {
  const contentType = answer.head.find("content-type") ?? "";
  const { surface, isStream } = call.request;
  if (/^application\/json\b/i.test(contentType) && surface !== "speech") return relayAnswer(deps, call, answer, settle);
  const isEvents = isStream && eventStream.test(contentType);
  if (!isEvents && !typesOf(surface)?.test(contentType)) {
    answer.discard();
    throw new Failure(aiGatewayFailures.upstream_failed, { model: call.target.model.name });
  }
  const typed: Call = { ...call, writer: { ...call.writer, streamContentType: contentType } };
  const progress: MediaProgress = {
    ...{ hasBegun: false, usage: undefined, serviceMode: undefined, text: "", countedTokens: 0 },
    ...{ held: nothing, isDone: false },
  };
  try {
    await (isEvents ? passEvents : passBytes)(deps, typed, answer, progress);
    if (!progress.isDone) throw new Failure(aiGatewayFailures.upstream_truncated, { model: call.target.model.name });
    // A head tells what the whole sound costs: what breaks off is charged as if nothing was told.
    progress.usage ??= call.wire.readHead?.(answer.head);
  } catch (err) {
    return endBroken(deps, typed, answer, { progress, isEvents, err }, settle);
  }
  const ending = await endWithCharge(typed, endOfWholeAnswer(typed), progress, progress);
  call.record?.add(progress.held);
  await call.record?.keep(contentType);
  await settle(ending);
  const { res } = call;
  if (res.destroyed) return;
  if (!res.headersSent) res.writeHead(200, streamHead(typed, headersOf(typed)));
  res.end(progress.held);
}

function typesOf(surface: Surface): RegExp | undefined {
  if (surface === "speech") return sound;
  return isSpoken(surface) ? transcript : undefined;
}

interface Broken {
  readonly progress: MediaProgress;
  readonly isEvents: boolean;
  readonly err: unknown;
}

/** One who leaves in the midst pays, for the provider charges what is asked; what the provider broke off costs what it reports. */
async function endBroken(
  deps: AiGatewayDeps,
  call: Call,
  answer: Answer,
  { progress, isEvents, err }: Broken,
  settle: (ending: Ending) => Promise<void>,
): Promise<void> {
  answer.discard();
  const outcome = hasCallerLeft(call) ? "canceled" : progress.hasBegun ? "truncated" : "failed";
  const isCharged = progress.usage !== undefined || (outcome === "canceled" && progress.hasBegun);
  const failure = toFailure(deps, call, err);
  await settle(isCharged ? await endWithCharge(call, outcome, progress, progress) : endWithoutCharge(outcome));
  if (!progress.hasBegun || !(failure instanceof Failure) || call.res.destroyed) throw failure;
  if (isEvents) call.res.end(call.writer.fail(failure, call.locale));
  // Bytes have no place for an error: without their end they are no whole answer.
  else call.res.destroy();
}

async function passBytes(deps: AiGatewayDeps, call: Call, answer: Answer, progress: MediaProgress): Promise<void> {
  const isText = isSpoken(call.request.surface);
  for await (const chunk of answer.body) {
    if (chunk.length === 0) continue;
    if (isText) await countText(call, progress, chunk);
    const bytes = Buffer.concat([progress.held, chunk]);
    progress.held = bytes.subarray(bytes.length - 1);
    await send(deps, call, progress, bytes.subarray(0, bytes.length - 1));
  }
  progress.isDone = progress.held.length > 0;
}

async function countText({ counter }: Call, progress: MediaProgress, chunk: Buffer): Promise<void> {
  progress.text += chunk.toString("utf8");
  if (progress.text.length <= maxKeptLength) return;
  const { text } = progress;
  progress.text = "";
  progress.countedTokens += await counter.estimateText(text);
}

async function passEvents(deps: AiGatewayDeps, call: Call, answer: Answer, progress: MediaProgress): Promise<void> {
  // An event may hold a whole image.
  const reader = createSseReader(deps.settings.maxResponseBytes);
  for await (const chunk of answer.body) {
    for (const event of reader.push(chunk)) await passEvent(deps, call, event, progress);
  }
  const last = reader.flush();
  if (last) await passEvent(deps, call, last, progress);
}

/** `speech.audio.done`, `transcript.text.done`, `image_generation.completed`, `image_edit.completed`. */
const lastEvent = /\.(done|completed)$/;

async function passEvent(deps: AiGatewayDeps, call: Call, event: SseEvent, progress: MediaProgress): Promise<void> {
  const json = event.data === undefined || event.data === "[DONE]" ? undefined : parse(call, event.data);
  if (fieldOf(json, "usage")) progress.usage = readUsageOf(call.request, json) ?? progress.usage;
  const type = fieldOf(json, "type");
  progress.isDone ||= typeof type === "string" && lastEvent.test(type);
  if (!progress.isDone) return send(deps, call, progress, event.raw);
  progress.held = Buffer.concat([progress.held, event.raw]);
  if (progress.held.length > deps.settings.maxResponseBytes) throw new RangeError("the end of a stream is too long");
}

function parse({ target }: Call, data: string): unknown {
  const model = target.model.name;
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch (cause) {
    throw new Failure(aiGatewayFailures.upstream_truncated, { model }, { cause });
  }
  const failure = findInBandFailure(model, json);
  if (failure) throw failure;
  return json;
}

async function send(deps: AiGatewayDeps, call: Call, progress: MediaProgress, bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return;
  call.record?.add(bytes);
  await writeToCaller(deps, call, progress, bytes);
}

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { type Clock, delay } from "@lyss/kit/service/clock.ts";
import { type Answer, countShown } from "./answer.ts";
import { type Behaviour, waitLimitMs } from "./directives.ts";
import { streamError, streamEvents, writeEvent } from "./stream-events.ts";
import { type ErrorObject, type SimulatedErrorName, simulatedErrors } from "./wire-error.ts";
import { type WireForm, wholeBody } from "./wire-form.ts";

/** The way back to one client. */
export interface Outlet {
  readonly res: ServerResponse;
  readonly behaviour: Behaviour;
  readonly clock: Clock;
  /** Aborts when the client has gone or the server stops; every wait below then rejects. */
  readonly signal: AbortSignal;
  /** Hears of tokens that were handed to the socket in a form that a client can read. */
  onTokens(count: number): void;
  /** Breaks the connection. */
  cut(): void;
}

const jsonType = "application/json";
const pieceBytes = 65_536;
const htmlBody = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n";

/** Waits before the first byte as long as asked; a hang never ends by itself. */
export async function waitAsAsked(outlet: Outlet): Promise<void> {
  const { behaviour, clock, signal } = outlet;
  if (behaviour.hang) await waitForNothing(outlet);
  if (behaviour.delay_ms) await delay(clock, behaviour.delay_ms, signal);
}

/** Sends one of the vendor's errors. */
export async function sendSimulatedError(
  outlet: Outlet,
  name: SimulatedErrorName,
  toBody: (status: number, error: ErrorObject) => object = (_status, error) => ({ error }),
): Promise<void> {
  const { status, message, type, param, code, ...rest } = { retryAfterSeconds: undefined, ...simulatedErrors[name] };
  const { retry_after: asked, retry_after_ms: askedMs } = outlet.behaviour;
  const retryAfter = asked ?? rest.retryAfterSeconds?.toString();
  if (retryAfter !== undefined) outlet.res.setHeader("retry-after", retryAfter);
  if (askedMs !== undefined) outlet.res.setHeader("retry-after-ms", askedMs);
  await sendJson(outlet, status, toBody(status, { message, type, param, code }));
}

/** Sends a JSON body, or what the `body` directive puts in its place. */
export async function sendJson(outlet: Outlet, status: number, body: object): Promise<void> {
  const { status: _, ...error } = simulatedErrors["500"];
  switch (outlet.behaviour.body) {
    case "html":
      return sendBytes(outlet, status, "text/html", htmlBody);
    case "empty":
      return sendBytes(outlet, status, jsonType, "");
    case "garbage":
      return sendBytes(outlet, status, jsonType, `${JSON.stringify(body).slice(0, -2)}\u0000`);
    case "error":
      return sendBytes(outlet, status, jsonType, JSON.stringify({ error }));
    default:
      return sendBytes(outlet, status, jsonType, JSON.stringify(body));
  }
}

/** Sends an answer whole. Faults that name a token hit in the middle of the body, since there are no tokens to count. */
export async function sendWhole(outlet: Outlet, answer: Answer, form: WireForm): Promise<void> {
  const { behaviour, clock, signal } = outlet;
  const tokens = countShown(answer);
  if (behaviour.token_delay_ms) await delay(clock, Math.min(waitLimitMs, behaviour.token_delay_ms * tokens), signal);
  await sendJson(outlet, 200, wholeBody(answer, form, behaviour));
  if (!behaviour.body && !signal.aborted) outlet.onTokens(tokens);
}

/** Part of a stream as it is written, and how many tokens it carries. */
export interface Frame {
  readonly bytes: string | Buffer;
  readonly tokens: number;
  /** True for what ends the stream. */
  readonly isEnd: boolean;
}

/** A stream in whatever way of writing one. */
export interface FramedStream {
  readonly contentType: string;
  readonly frames: Iterable<Frame>;
  /** What stands for an error within it. */
  readonly error: string | Buffer;
}

/** Streams an answer as server-sent events, with the asked for pace and faults. */
export async function sendStream(outlet: Outlet, answer: Answer, form: WireForm, includeUsage: boolean): Promise<void> {
  const { behaviour } = outlet;
  function* toFrames(): Generator<Frame> {
    if (behaviour.sse === "bom") yield { bytes: "\ufeff", tokens: 0, isEnd: false };
    for (const event of streamEvents(answer, form, behaviour, includeUsage)) {
      yield { bytes: writeEvent(event, behaviour.sse), tokens: event.tokens, isEnd: event.data === "[DONE]" };
    }
  }
  await sendFrames(outlet, {
    contentType: "text/event-stream; charset=utf-8",
    frames: toFrames(),
    error: writeEvent(streamError(answer, form, behaviour), behaviour.sse),
  });
}

/** Streams frames with the asked for pace and faults. */
export async function sendFrames(outlet: Outlet, { contentType, frames, error }: FramedStream): Promise<void> {
  const { res, behaviour, clock, signal } = outlet;
  if (behaviour.body) return sendJson(outlet, 200, {});
  const faultAt = faultTokens(behaviour);
  res.writeHead(200, { "content-type": behaviour.content_type ?? contentType, "cache-control": "no-cache" });
  res.flushHeaders();
  let sent = 0;
  for (const { bytes, tokens, isEnd } of frames) {
    if (tokens > 0 || isEnd) {
      if (faultAt !== undefined && sent >= faultAt) return strike(outlet, error);
      if (behaviour.token_delay_ms && sent > 0 && !isEnd) await delay(clock, behaviour.token_delay_ms, signal);
    }
    await write(outlet, bytes);
    sent += tokens;
    if (tokens > 0) outlet.onTokens(tokens);
  }
  res.end();
}

function faultTokens(behaviour: Behaviour): number | undefined {
  const points = [
    behaviour.cut_after_tokens,
    behaviour.end_after_tokens,
    behaviour.stall_after_tokens,
    behaviour.stream_error_after_tokens,
  ].filter((point) => point !== undefined);
  return points.length === 0 ? undefined : Math.min(...points);
}

/** The fault that a stream or a body was heading for. */
async function strike(outlet: Outlet, error: string | Buffer): Promise<void> {
  const { res, behaviour } = outlet;
  const at = faultTokens(behaviour);
  if (behaviour.stall_after_tokens === at) await waitForNothing(outlet);
  if (behaviour.stream_error_after_tokens === at) await write(outlet, error);
  if (behaviour.cut_after_tokens === at) outlet.cut();
  else res.end();
}

async function sendBytes(outlet: Outlet, status: number, contentType: string, text: string): Promise<void> {
  const { res, behaviour } = outlet;
  const body = Buffer.from(text);
  res.writeHead(status, { "content-type": behaviour.content_type ?? contentType, "content-length": body.length });
  const isCut = status === 200 && behaviour.cut_after_tokens !== undefined;
  const isStalled = status === 200 && behaviour.stall_after_tokens !== undefined;
  if (!isCut && !isStalled) {
    await write(outlet, body);
    return void res.end();
  }
  await write(outlet, body.subarray(0, body.length >> 1));
  if (isStalled) await waitForNothing(outlet);
  outlet.cut();
}

/** Hands bytes to the socket, at the client's pace, in pieces of the asked for size. Rejects when the client has gone. */
async function write({ res, behaviour, signal }: Outlet, data: string | Buffer): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const step = behaviour.split_bytes || pieceBytes;
  const isFaulty = faultTokens(behaviour) !== undefined;
  for (let at = 0; at < bytes.length; at += step) {
    signal.throwIfAborted();
    const piece = bytes.subarray(at, at + step);
    // What came before a cut must have left this process, or the number of tokens would be a matter of luck.
    if (isFaulty) await new Promise<void>((resolve) => res.write(piece, () => resolve()));
    else if (!res.write(piece)) await once(res, "drain", { signal });
    // A turn of the event loop between pieces keeps the socket from joining them.
    if (behaviour.split_bytes) await setImmediate();
  }
}

/** Never resolves. Rejects when the client goes; after ten minutes breaks the connection. */
async function waitForNothing({ clock, signal, cut }: Outlet): Promise<never> {
  await delay(clock, waitLimitMs, signal);
  cut();
  throw signal.reason;
}

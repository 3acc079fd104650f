import { canBeContinued } from "../continuation/continued-request.ts";
import { startShownText } from "../continuation/shown-text.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Funds } from "../funds/funds.ts";
import { isMedia, surfaces } from "../surfaces/surface.ts";
import type { Call } from "./call.ts";
import { limitToSend } from "./call-to-fund.ts";
import { createDispatch } from "./dispatch.ts";
import { type KeepAlive, keepAliveComment, keepResponseAlive } from "./keep-alive.ts";
import type { PreparedCall, Walk } from "./prepare-call.ts";
import { streamHead } from "./relay-stream.ts";
import { createStreamMeter } from "./stream-meter.ts";

/** What all attempts of a call have in common. `abort` ends the call, whichever attempt is under way. */
export interface ServedCall
  extends Pick<
    Call,
    "callId" | "requestId" | "record" | "begin" | "res" | "locale" | "caller" | "abort" | "onSettled"
  > {
  /** After how long a silence a stream is kept alive; 0 for one that is not. */
  readonly keepAliveMs: number;
}

/** Whether an answer may be gone on with elsewhere: not one that passes byte for byte, or that money is scarce for. */
function canGoOn({ continues, askedCall }: Walk, { read, continuesAttempt }: PreparedCall, { beside }: Funds): boolean {
  if (!continues || continuesAttempt !== undefined || askedCall.detached || read.wire) return false;
  return beside !== undefined && canBeContinued(read.request);
}

/** An attempt that has its money, as it is served. */
export function toCall(
  deps: AiGatewayDeps,
  walk: Walk,
  served: ServedCall,
  at: PreparedCall,
  {
    attempt,
    funds,
    startedAtMs,
    limited,
    keepAlive,
  }: Pick<Call, "attempt" | "funds" | "limited" | "keepAlive"> & { readonly startedAtMs: number },
): Call {
  const { caller, conversation, startedMs } = walk;
  const { target, read, wire, draft, counter, inputTokens, continuesAttempt } = at;
  const { callId, requestId, begin } = served;
  const { request } = read;
  const writer = read.createWriter({
    ...{ callId, requestId, startedAtMs, maxKeptLength: deps.settings.maxResponseBytes },
    upstreamModel: target.model.upstreamName,
  });
  deps.metrics.of(target).begin(deps.clock.monotonicMs());
  return {
    ...served,
    ...{
      tenantId: caller.tenantId,
      conversation,
      shown: canGoOn(walk, at, funds) ? startShownText(read.toTell) : undefined,
      isContinuation: continuesAttempt !== undefined,
      attempt,
      request,
      operation: surfaces[request.surface].operation,
      target,
      counter,
      inputTokens,
      funds,
      limited,
      wire,
      draft,
      facts: { startedAtMs, callId, upstreamModel: target.model.upstreamName },
      startedMs,
    },
    begin: attempt === 1 ? begin : undefined,
    giveUpClaim: walk.giveUpClaim,
    abort: follow(served.abort.signal),
    meter: createStreamMeter(funds, counter, request.choices),
    ...{ outputTokens: limitToSend(request, target, funds), dispatch: createDispatch() },
    ...{ writer, guard: read.openGuard?.(), keepAlive: keepAlive ?? openKeepAlive(deps, served, { request, writer }) },
  };
}

/** Of the call, whichever attempt is under way: which provider serves it is not known when its head leaves. */
function openKeepAlive(
  { wheel }: AiGatewayDeps,
  { res, callId, requestId, keepAliveMs }: ServedCall,
  { request, writer }: Pick<Call, "request" | "writer">,
): KeepAlive | undefined {
  // Of media the provider decides whether it is a stream at all.
  if (keepAliveMs === 0 || !request.isStream || isMedia(request.surface)) return undefined;
  const head = () => streamHead({ writer }, { "x-request-id": requestId, "lyss-call-id": callId });
  return keepResponseAlive(wheel, keepAliveMs, { res, head, bytes: writer.keepAlive ?? keepAliveComment });
}

/** Aborted with `signal`, or alone: a time limit of one attempt does not end the next. */
function follow(signal: AbortSignal): AbortController {
  const abort = new AbortController();
  const end = () => abort.abort(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return abort;
}

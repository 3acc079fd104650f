import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { parseTags } from "@lyss/contracts/usage/tags.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Settled } from "../call/call.ts";
import type { Walk } from "../call/prepare-call.ts";
import { type OwnCall, serveOwnCall } from "../call/serve-own-call.ts";
import type { Offer } from "../catalog.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import type { Target } from "../model.ts";
import { takersOf } from "../routing/bound-request.ts";
import type { FailOver } from "../routing/fail-over.ts";
import { findMirror } from "./find-mirror.ts";
import type { MirroredSide } from "./mirror.ts";

/** A call that is over. */
export interface ServedFirst {
  readonly callId: string;
  readonly exchange: Exchange;
  readonly offer: Offer;
  /** As guardrails have left it, without what keeps its bodies. */
  readonly askedCall: AskedCall;
  /** Undefined where it failed. */
  readonly settled: Settled | undefined;
}

/** Whose answers are bytes and nothing else: a mirror leaves no second response, file or picture behind. */
const mirrored =
  /^(chat|completions|embeddings|moderations|rerank|messages|(stream)?generateContent|(batchE|e)mbedContents?)\b/i;
/** So much of a request may be kept until its mirror has ended; of a larger one there is none. */
const maxBodyBytes = 1_048_576;
/** By which a mirror's usage is told apart. */
export const mirrorTag = "lyss.mirror=true";
const nothing = { inputTokens: 0, outputTokens: 0 };

/** Whether a target does well or not, nobody else hears of it from here. */
const unheard: FailOver = {
  first: ([target]) => target,
  noteCall: () => {},
  noteAnswer: () => {},
  giveBack: () => {},
  next: () => undefined,
  beside: () => undefined,
  noteFailure: () => {},
  skip: () => undefined,
};

/**
 * Sends a call that is over to the mirror of its route, if it is drawn and there is room, without anybody waiting for it: gives the id of
 * that call, undefined for none. It is the same caller's, paid and recorded as every call.
 */
export function mirrorCall(deps: AiGatewayDeps, walk: Walk, first: ServedFirst): string | undefined {
  const mirror = first.offer.routed?.route.mirror;
  if (!mirror || deps.openCalls.isStopping || walk.attempts === 0) return undefined;
  if (deps.random.bytes(4).readUInt32LE() / 2 ** 32 >= mirror.share) return undefined;
  const { tenantId } = walk.caller;
  const target = findMirror(deps.catalog, tenantId, mirror);
  if (!target || !isFit(walk, first, target)) {
    deps.mirrors.note("unfit");
    return undefined;
  }
  const leave = deps.mirrors.enter(tenantId);
  deps.mirrors.note(leave ? "sent" : "busy");
  if (!leave) return undefined;
  const mirrorCallId = deps.random.id("call");
  deps.choices.end({ tenantId, callId: mirrorCallId }, undefined, [], { mirrorOf: first.callId });
  const latencyMs = deps.clock.monotonicMs() - walk.startedMs;
  const side = toSide(first.settled?.target ?? walk.tried.at(-1) ?? target, latencyMs, first.settled);
  void sendMirror(deps, walk, { first, target, mirrorCallId, side }).then(leave);
  return mirrorCallId;
}

/** Not for a call whose caller has left or chooses providers itself, nor for one that the target cannot take. */
function isFit({ askedCall, tried }: Walk, { exchange: { res } }: ServedFirst, target: Target): boolean {
  const { asked, detached, preferences } = askedCall;
  const by = tried.at(-1);
  if (!by || detached || preferences || (res.destroyed && !res.writableEnded)) return false;
  const body = asked.opened ?? asked.body;
  if (body.length > maxBodyBytes || !mirrored.test(asked.surface)) return false;
  return takersOf(body, [by, target]).includes(target);
}

interface MirrorToSend {
  readonly first: ServedFirst;
  readonly side: MirroredSide;
  readonly target: Target;
  readonly mirrorCallId: string;
}

/** Never rejects. */
async function sendMirror(
  deps: AiGatewayDeps,
  { caller, tags }: Pick<Walk, "caller" | "tags">,
  { first, side, target, mirrorCallId }: MirrorToSend,
): Promise<void> {
  const { clock, mirrors, log } = deps;
  const startedMs = clock.monotonicMs();
  let settled: Settled | undefined;
  let code: string | undefined;
  const own: OwnCall = {
    ...{ callId: mirrorCallId, requestId: first.exchange.requestId, caller },
    tags: parseTags(tags === "" ? mirrorTag : `${tags},${mirrorTag}`) ?? tags,
    ...{ askedCall: unguarded(first.askedCall), targets: [target], timeoutMs: mirrors.timeoutMs },
    onSettled: (it) => {
      settled = it;
    },
  };
  try {
    await serveOwnCall({ ...deps, failOver: unheard, policies: mirrors.policies }, own);
  } catch (err) {
    code = isFailure(err) ? err.type.publicCode : "INTERNAL";
    if (!isFailure(err)) log.error({ err, call_id: mirrorCallId }, "a mirrored call failed in an unexpected way");
  }
  const mirror = toSide(target, clock.monotonicMs() - startedMs, settled);
  mirrors.keep({
    ...{ tenantId: caller.tenantId, route: first.offer.name, callId: first.callId, mirrorCallId, first: side },
    ...{ mirror: { ...mirror, ...(code !== undefined && { code }) }, createdAt: new Date(clock.nowMs()) },
  });
}

function toSide({ provider, model }: Target, latencyMs: number, settled: Settled | undefined): MirroredSide {
  const side = { provider: provider.name, model: model.name, latencyMs: Math.round(latencyMs * 10) / 10 };
  if (!settled) return { ...side, outcome: "failed", ...nothing, costNanos: "0" };
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(settled.tokens);
  return {
    ...{ ...side, outcome: settled.outcome },
    ...{ inputTokens: Number(inputTokens + cachedInputTokens), outputTokens: Number(outputTokens) },
    ...(settled.costNanos !== undefined && { costNanos: settled.costNanos.toString() }),
  };
}

/** Nobody sees its answer, so that nobody has to look at it. */
function unguarded(askedCall: AskedCall): AskedCall {
  return {
    ...askedCall,
    readFor(provider, upstreamName) {
      const { openGuard: _guard, ...read } = askedCall.readFor(provider, upstreamName);
      return read;
    },
  };
}

import type { ServerResponse } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { CachePlan } from "../answer-cache/answer-cache.ts";
import { serveCached } from "../answer-cache/serve-cached.ts";
import type { Offer, Routed } from "../catalog.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import { guardrailsHeader, toGuardrailsHeader } from "../guardrails/findings.ts";
import { type CallToGuard, type GuardedCall, guardCall } from "../guardrails/guard-call.ts";
import { type Compared, compareMeanings } from "../meaning/compare-meanings.ts";
import type { MeaningLookup } from "../meaning/meaning-lookup.ts";
import { mirrorCall } from "../mirroring/mirror-call.ts";
import type { Target } from "../model.ts";
import type { AnswerRecord, FirstAnswer } from "../once/call-once.ts";
import type { OpenCall } from "../open-calls.ts";
import { type BodyRecord, recordBodies } from "../request-bodies/record-bodies.ts";
import { parseRequest } from "../routing/request-json.ts";
import { lastTextOf, likenessOf } from "../routing/request-shape.ts";
import type { Call, Settled } from "./call.ts";
import { findOffer, findTargets } from "./choose-target.ts";
import { readKeepAliveMs } from "./keep-alive.ts";
import { prepareFrom, takersFor, type Walk } from "./prepare-call.ts";
import { readTags } from "./read-tags.ts";
import { serveTargets } from "./serve-targets.ts";
import { watchCaller } from "./watch-caller.ts";

/**
 * One model call of any dialect, stage by stage: choose, reserve, send, relay, settle. Whatever happens after the reservation, the
 * hold is resolved. Throws a Failure while nothing has been sent to the caller.
 */
export async function serveCall(deps: AiGatewayDeps, asked: AskedCall, exchange: Exchange): Promise<void> {
  const startedMs = deps.clock.monotonicMs();
  if (deps.openCalls.isStopping) throw new Failure(aiGatewayFailures.shutting_down);
  const { caller } = exchange;
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  const tags = readTags(exchange.req);
  const keepAliveMs = readKeepAliveMs(exchange.req.headers, deps.settings);
  const callId = deps.random.id("call");
  const offer = findOffer(deps, caller, asked.model);
  const { routed } = offer ?? {};
  const compared =
    offer && routed?.comparesMeaning
      ? await compareAsked(deps, asked, exchange, { callId, caller, tags, offer, routed })
      : undefined;
  const found = await findTargets(deps, caller, asked, tags, compared?.similarityTo);
  const { targets } = found;
  const guarded = compared
    ? compared.guarded
    : await guardAsked(deps, asked, exchange, { callId, caller, tags, targets });
  const bodies = recordAsked(deps, guarded?.askedCall ?? asked, { callId, caller });
  try {
    const unrecorded = guarded?.askedCall ?? asked;
    const meanings = compared?.lookups;
    const given: GivenCall = {
      callId,
      caller,
      tags,
      startedMs,
      keepAliveMs,
      found,
      guarded,
      meanings,
      bodies,
      unrecorded,
    };
    await serveAsked(deps, bodies?.askedCall ?? unrecorded, exchange, given);
  } finally {
    bodies?.end();
  }
}

interface GivenCall {
  readonly callId: string;
  readonly caller: Caller;
  readonly tags: TagsText;
  readonly startedMs: number;
  readonly keepAliveMs: number;
  readonly found: Awaited<ReturnType<typeof findTargets>>;
  readonly guarded: GuardedCall | undefined;
  /** How it was compared with examples; undefined where its route has none. */
  readonly meanings: readonly MeaningLookup[] | undefined;
  readonly bodies: BodyRecord | undefined;
  /** For its mirror, of which no body is kept. */
  readonly unrecorded: AskedCall;
}

/** From the cache, or by a target. */
async function serveAsked(
  deps: AiGatewayDeps,
  askedCall: AskedCall,
  exchange: Exchange,
  { callId, caller, tags, startedMs, keepAliveMs, found, guarded, meanings, bodies, unrecorded }: GivenCall,
): Promise<void> {
  const { targets } = found;
  const plan = planCache(deps, askedCall, exchange, { targets, guarded });
  const cacheable = plan && {
    ...{ exchange, caller, tags, plan, startedMs, findings: guarded?.findings, meanings, onHit: bodies?.noteCached },
  };
  const missed = cacheable && (await serveCached(deps, cacheable));
  if (plan && !missed) return;
  if (targets.length > 1) deps.failOver.noteCall();
  const walk: Walk = { ...found, askedCall, caller, tags, tried: [], attempts: 0, startedMs };
  const given = { callId, place: missed?.place, target: () => walk.tried.at(-1) };
  const kept = plan && deps.answerCache.record(plan, given);
  let settled: Settled | undefined;
  const onSettled = (it: Settled) => {
    settled = it;
  };
  try {
    await serveWalk(deps, walk, exchange, { callId, keepAliveMs, kept, onSettled });
  } finally {
    walk.giveUpClaim?.();
    const mirrorCallId = mirrorCall(deps, walk, {
      callId,
      exchange,
      settled,
      offer: found.offer,
      askedCall: unrecorded,
    });
    const noted = {
      findings: guarded?.end(),
      lookup: missed?.lookup,
      meanings,
      mirrorCallId,
      prompt: askedCall.prompt,
    };
    deps.choices.end({ tenantId: caller.tenantId, callId }, found.choice, walk.tried, noted);
    await kept?.close();
  }
}

/** Undefined for a call of which nothing is kept: for a tenant that has not asked for it, one look-up. */
function recordAsked(
  { requestBodies: { policies, log }, callDefaults, clock }: AiGatewayDeps,
  askedCall: AskedCall,
  { callId, caller }: Pick<GivenCall, "callId" | "caller">,
): BodyRecord | undefined {
  if (!policies.isWanted(caller)) return undefined;
  const { model, asked } = askedCall;
  const policy = policies.find({ caller, callId, models: [model, callDefaults.modelOf(caller, model)] });
  const { tenantId, userId, keyId } = caller;
  const startedAt = new Date(clock.nowMs());
  const call = { callId, tenantId, userId, keyId, model, surface: asked.surface, startedAt };
  return policy && recordBodies(log, askedCall, { ...call, policy });
}

/** Before anything is set aside, or given from the cache. Undefined for a call that no rule is for. */
async function guardAsked(
  { guardrails, callDefaults, settings }: AiGatewayDeps,
  askedCall: AskedCall,
  { requestId, res }: Exchange,
  call: Pick<CallToGuard, "callId" | "caller" | "tags" | "targets">,
): Promise<GuardedCall | undefined> {
  if (!guardrails.isWanted(call.caller)) return undefined;
  const models = [askedCall.model, callDefaults.modelOf(call.caller, askedCall.model)];
  const { maxResponseBytes: maxKeptLength } = settings;
  const guarded = await whileAwaited(res, (signal) =>
    guardCall(guardrails, { ...call, requestId, askedCall, maxKeptLength, signal, models }),
  );
  if (guarded && guarded.findings.length > 0) res.setHeader(guardrailsHeader, toGuardrailsHeader(guarded.findings));
  return guarded;
}

/** Guarded first: whoever makes vectors hears nothing that a guardrail blocks or hides. */
async function compareAsked(
  deps: AiGatewayDeps,
  askedCall: AskedCall,
  exchange: Exchange,
  {
    offer,
    routed,
    ...call
  }: Pick<CallToGuard, "callId" | "caller" | "tags"> & {
    readonly offer: Offer;
    readonly routed: Routed;
  },
): Promise<Compared & { readonly guarded: GuardedCall | undefined }> {
  const { targets } = offer;
  const guarded = await guardAsked(deps, askedCall, exchange, { ...call, targets });
  const { asked, chat, preferences } = askedCall;
  const body = asked.opened ?? asked.body;
  const { tenantId, userId, keyId } = call.caller;
  const compared = await whileAwaited(exchange.res, (signal) =>
    compareMeanings(deps, {
      ...{ ...call, requestId: exchange.requestId, signal, preferences, tree: routed.tree },
      text: guarded ? saidTo(targets, guarded.askedCall) : lastTextOf(chat ?? parseRequest(body)),
      asked: { tenantId, userId, keyId, tags: call.tags, isLike: likenessOf(body, chat) },
    }),
  );
  return { ...compared, guarded };
}

/** What its caller says last, as the first target hears it that takes the call. */
function saidTo(targets: readonly Target[], askedCall: AskedCall): string {
  for (const { provider, model } of targets) {
    try {
      return lastTextOf(askedCall.readFor(provider, model.upstreamName).request.json);
    } catch {
      // The next may take it.
    }
  }
  return "";
}

/** The signal is aborted when the caller leaves. */
async function whileAwaited<Result>(
  res: ServerResponse,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const left = new AbortController();
  const leave = () => left.abort(new Failure(kitFailures.canceled));
  res.once("close", leave);
  return work(left.signal).finally(() => res.removeListener("close", leave));
}

/** Undefined for a call that asks for nothing of the cache, and for one with an idempotency key, which has its own first answer. */
function planCache(
  { answerCache }: AiGatewayDeps,
  askedCall: AskedCall,
  { caller, req, context }: Exchange,
  { targets, guarded }: { readonly targets: readonly Target[]; readonly guarded: GuardedCall | undefined },
): CachePlan | undefined {
  const { headers } = req;
  if (!caller || context.idempotencyKey !== undefined || !answerCache.isWanted(caller, headers)) return undefined;
  const { fingerprint: rules = "", findings = [] } = guarded ?? {};
  return answerCache.planFor({ caller, headers, targets, rules, hasFindings: findings.length > 0 }, askedCall);
}

interface WalkedCall {
  readonly callId: string;
  readonly keepAliveMs: number;
  /** Where its answer goes, for others who ask the same. */
  readonly kept: AnswerRecord | undefined;
  readonly onSettled: Call["onSettled"];
}

async function serveWalk(
  deps: AiGatewayDeps,
  walk: Walk,
  exchange: Exchange,
  { callId, keepAliveMs, kept, onSettled }: WalkedCall,
): Promise<void> {
  const { requestId, context } = exchange;
  const { askedCall, targets } = walk;
  const { detached } = askedCall;
  const { res } = detached ?? exchange;
  const [first] = targets;
  const target = deps.failOver.first(takersFor(walk)) ?? first;
  if (!target) throw new Failure(aiGatewayFailures.model_not_found, { model: askedCall.model });
  const prepared = await prepareFrom(deps, walk, target);
  // Gone already, so that no `close` will tell.
  if (res.destroyed) return;
  const abort = new AbortController();
  const isAwaited = context.idempotencyKey !== undefined && !detached;
  const isDrained = () => isAwaited || walk.tried.at(-1)?.provider.onDisconnect === "drain";
  const watch = watchCaller({ res, abort, clock: deps.clock }, () => (isDrained() ? deps.settings.drainLimitMs : 0));
  const open: OpenCall = { abort: (failure) => abort.abort(failure), previous: undefined, next: undefined };
  deps.openCalls.begin(open);
  let record: AnswerRecord | undefined;
  try {
    const begun = await beginOnce(deps, exchange, callId, askedCall);
    if (begun && "first" in begun) {
      if (detached?.repeat) return await detached.repeat(begun.first);
      return repeatAnswer(exchange.res, requestId, begun.first);
    }
    record = begun?.record;
    const given = record ?? kept;
    await serveTargets(deps, walk, prepared, {
      ...{ callId, requestId, record: detached ? undefined : given },
      begin: detached && (() => detached.begin(callId, given)),
      ...{ res, locale: context.locale, caller: watch, abort },
      keepAliveMs: detached ? 0 : keepAliveMs,
      onSettled,
    });
    await detached?.end?.();
  } catch (err) {
    await detached?.fail(err);
    throw err;
  } finally {
    deps.openCalls.end(open);
    watch.stop();
    await record?.close();
  }
}

/** For a call with an idempotency key; undefined for every other. */
function beginOnce(
  { once }: AiGatewayDeps,
  { caller, context: { idempotencyKey: key } }: Exchange,
  callId: string,
  { asked }: AskedCall,
) {
  if (key === undefined || !caller) return undefined;
  return once.begin({ tenantId: caller.tenantId, key, callId, ...asked });
}

/** The answer of the first call: nothing is sent upstream and nothing is charged. */
function repeatAnswer(res: ServerResponse, requestId: string, { callId, contentType, bytes }: FirstAnswer): void {
  res.writeHead(200, {
    "content-type": contentType,
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-request-id": requestId,
    "lyss-call-id": callId,
    "idempotent-replayed": "true",
  });
  res.end(bytes);
}

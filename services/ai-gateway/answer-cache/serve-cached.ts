import { cacheHeader, similarityHeader } from "@lyss/contracts/calls/call-headers.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { type Bucket, costOf, inputBuckets, outputBuckets, type Quantities } from "@lyss/contracts/pricing/price.ts";
import { type TokenCounts, toOtherQuantities, toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { SemanticLookup } from "../choices/choice-store.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { CallToFund } from "../funds/funds.ts";
import type { Finding } from "../guardrails/findings.ts";
import type { MeaningLookup } from "../meaning/meaning-lookup.ts";
import type { OpenCall } from "../open-calls.ts";
import { embedTexts } from "../vectors/embed-texts.ts";
import type { CachedAnswer, CachePlan, ComparedQuestion } from "./answer-cache.ts";
import type { Place } from "./semantic-index.ts";

/** A call that may be answered from the cache. */
export interface CacheableCall {
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly tags: TagsText;
  readonly plan: CachePlan;
  readonly startedMs: number;
  /** What guardrails have found in the request; undefined where none is for it. */
  readonly findings: readonly Finding[] | undefined;
  /** How it was compared with examples of its route. */
  readonly meanings: readonly MeaningLookup[] | undefined;
  /** Called with what a call is given from the cache. */
  readonly onHit?: ((callId: string, bytes: Buffer) => void) | undefined;
}

/** A call that was not answered from the cache, and has to be made. */
export interface MissedCall {
  /** Among which questions its answer is kept. */
  readonly place: Place | undefined;
  /** What was looked up among those that are alike; undefined where nothing was. */
  readonly lookup: SemanticLookup | undefined;
}

/**
 * Answers from the cache, after the one that asks the same already, if there is one, and else where the answer to a question will do that
 * is alike. Undefined where it is answered, or its caller has left. Nothing is sent when the call has to be made: it may be the first of
 * its kind then.
 */
export async function serveCached(deps: AiGatewayDeps, call: CacheableCall): Promise<MissedCall | undefined> {
  const { answerCache } = deps;
  const { plan, exchange } = call;
  const { res } = exchange;
  let missed: MissedCall = { place: undefined, lookup: undefined };
  if (plan.isRead) {
    let found = await answerCache.find(plan);
    const leader = found ? undefined : answerCache.join(plan);
    if (leader) {
      const given = await Promise.race([leader, untilClosed(exchange)]);
      if (res.destroyed) return undefined;
      found = given ?? (await answerCache.find(plan));
    }
    if (found && (await replay(deps, call, found, undefined))) return undefined;
    if (plan.compared && !found) {
      const looked = await lookForAlike(deps, call, plan.compared);
      if (!looked) return undefined;
      missed = looked;
    }
  }
  answerCache.note("miss");
  res.setHeader(cacheHeader, "miss");
  if (missed.lookup?.similarity !== undefined) {
    res.setHeader(similarityHeader, toSimilarityText(missed.lookup.similarity));
  }
  return missed;
}

/** Undefined where the call is answered, or its caller has left. */
async function lookForAlike(
  deps: AiGatewayDeps,
  call: CacheableCall,
  compared: ComparedQuestion,
): Promise<MissedCall | undefined> {
  const { answerCache, random } = deps;
  const { plan, exchange, caller, tags } = call;
  const { res, requestId } = exchange;
  const embeddingCallId = random.id("call");
  const left = new AbortController();
  const leave = () => left.abort();
  res.once("close", leave);
  const asked = { caller, requestId, tags, signal: left.signal, callId: embeddingCallId };
  const { text, embeddingModel: model, timeoutMs } = compared;
  const embedding = embedTexts(deps, { model, texts: [text], timeoutMs }, asked);
  const embedded = await embedding.finally(() => res.removeListener("close", leave));
  const place = embedded && answerCache.placeOf(plan, compared, embedded.model, embedded.vectors[0]);
  const nearest = place && !res.destroyed ? await answerCache.findNearest(plan, compared, place) : undefined;
  const { minSimilarity } = compared;
  const lookup = { embeddingCallId, minSimilarity, similarity: nearest?.similarity };
  if (res.destroyed) {
    answerCache.release(plan, undefined);
    return undefined;
  }
  const found = nearest?.found;
  if (!found) return { place, lookup };
  // It is the answer of all who ask the same meanwhile.
  answerCache.release(plan, found);
  return (await replay(deps, call, found, lookup)) ? undefined : { place, lookup };
}

function untilClosed({ res }: Exchange): Promise<undefined> {
  return new Promise((resolve) => {
    res.once("close", () => resolve(undefined));
  });
}

/** To four places, and never up: what is below 1 does not read as the same. */
function toSimilarityText(similarity: number): string {
  return (Math.floor(similarity * 10_000) / 10_000).toFixed(4);
}

/** False where it cannot be paid for: the call then hears why when it is made. */
async function replay(
  deps: AiGatewayDeps,
  call: CacheableCall,
  found: CachedAnswer,
  lookup: SemanticLookup | undefined,
): Promise<boolean> {
  const { openCalls, random, answerCache } = deps;
  const { res, requestId } = call.exchange;
  const callId = random.id("call");
  const open: OpenCall = { abort: () => {}, previous: undefined, next: undefined };
  openCalls.begin(open);
  try {
    const savedNanos = await charge(deps, call, callId, found);
    answerCache.note(lookup ? "similar" : "hit", savedNanos);
    deps.choices.noteCached({ tenantId: call.caller.tenantId, callId }, savedNanos, {
      ...{ findings: call.findings, lookup, meanings: call.meanings },
    });
    if (res.destroyed) return true;
    res.writeHead(200, {
      ...{ "content-type": found.contentType, "content-length": found.bytes.length, "cache-control": "no-store" },
      ...{ age: String(found.ageSeconds), [cacheHeader]: "hit", "lyss-cache-saved-nanos": String(savedNanos) },
      ...(lookup?.similarity !== undefined && { [similarityHeader]: toSimilarityText(lookup.similarity) }),
      ...{ "x-request-id": requestId, "lyss-call-id": callId, "lyss-provider": found.provider },
    });
    res.end(found.bytes);
    call.onHit?.(callId, found.bytes);
    return true;
  } catch (err) {
    if (isFailure(err) && !res.headersSent) return false;
    throw err;
  } finally {
    openCalls.end(open);
  }
}

/** Sets aside and charges the share of a cached answer; gives what it cost less than the first. */
async function charge(
  { funding, settings, clock }: AiGatewayDeps,
  { caller, exchange: { requestId }, tags, startedMs }: CacheableCall,
  callId: string,
  { provider, model, tokens, contentType }: CachedAnswer,
): Promise<bigint> {
  const { tenantId, keyId, userId } = caller;
  const charged = shareOf(tokens, settings.cache.chargedShare);
  const most = toBound(charged);
  const funds = await funding.fund({
    ...{ callId, requestId, tenantId, keyId, userId, provider, model, tags },
    isStreamed: contentType.startsWith("text/event-stream"),
    ...{ ...most, minOutputTokens: most.maxOutputTokens, choices: 1 },
  });
  const latencyMs = clock.monotonicMs() - startedMs;
  const costNanos = await funds.settle({ outcome: CallOutcome.CACHED, tokens: charged, isEstimated: false, latencyMs });
  const startedAtMs = clock.nowMs();
  const price = await funding.priceOf({ tenantId, provider, model }, startedAtMs);
  if (!price) return 0n;
  const whole = costOf(price.terms, toQuantities(tokens), { startedAtMs, mode: "standard" });
  return whole.costNanos - (costNanos ?? 0n);
}

/** Of each bucket the share, rounded up: the money is then what the price says of that. */
export function shareOf(tokens: TokenCounts, share: number): TokenCounts {
  const millionths = BigInt(Math.round(share * 1_000_000));
  const cut = (count: bigint) => (count * millionths + 999_999n) / 1_000_000n;
  const quantities = Object.fromEntries(
    Object.entries(toQuantities(tokens)).map(([bucket, count]) => [bucket, cut(count ?? 0n)]),
  ) as Record<Bucket, bigint>;
  const { input = 0n, cacheRead = 0n, output = 0n } = quantities;
  const otherBuckets = toOtherQuantities(quantities);
  const common = { inputTokens: input, cachedInputTokens: cacheRead, outputTokens: output };
  return otherBuckets ? { ...common, otherBuckets } : common;
}

/** What is set aside for what is known: tokens as input or output, whichever they are, and what is no text as it is. */
function toBound(tokens: TokenCounts): Pick<CallToFund, "inputTokens" | "maxOutputTokens" | "fixed"> {
  const quantities: Quantities = toQuantities(tokens);
  const sum = (names: readonly Bucket[]) => names.reduce((total, bucket) => total + (quantities[bucket] ?? 0n), 0n);
  const isText = (bucket: string) => [...inputBuckets, ...outputBuckets].some((name) => name === bucket);
  const units = Object.fromEntries(Object.entries(quantities).filter(([bucket]) => !isText(bucket)));
  return {
    ...{ inputTokens: sum(inputBuckets), maxOutputTokens: sum(outputBuckets) },
    fixed: toOtherQuantities(units),
  };
}

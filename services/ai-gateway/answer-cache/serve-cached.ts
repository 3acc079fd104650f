import { cacheHeader } from "@lyss/contracts/calls/call-headers.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { type Bucket, costOf, inputBuckets, outputBuckets, type Quantities } from "@lyss/contracts/pricing/price.ts";
import { type TokenCounts, toOtherQuantities, toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { CallToFund } from "../funds/funds.ts";
import type { Finding } from "../guardrails/findings.ts";
import type { OpenCall } from "../open-calls.ts";
import type { CachedAnswer, CachePlan } from "./answer-cache.ts";

/** A call that may be answered from the cache. */
export interface CacheableCall {
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly tags: TagsText;
  readonly plan: CachePlan;
  readonly startedMs: number;
  /** What guardrails have found in the request; undefined where none is for it. */
  readonly findings: readonly Finding[] | undefined;
}

/**
 * Answers from the cache, after the one that asks the same already, if there is one. False, with nothing sent, when the call has to be
 * made: it is the first of its kind then, or its caller has left.
 */
export async function serveCached(deps: AiGatewayDeps, call: CacheableCall): Promise<boolean> {
  const { answerCache } = deps;
  const { plan, exchange } = call;
  const { res } = exchange;
  if (plan.isRead) {
    let found = await answerCache.find(plan);
    const leader = found ? undefined : answerCache.join(plan);
    if (leader) {
      await Promise.race([leader, untilClosed(exchange)]);
      if (res.destroyed) return true;
      found = await answerCache.find(plan);
    }
    if (found && (await replay(deps, call, found))) return true;
  }
  answerCache.note("miss");
  res.setHeader(cacheHeader, "miss");
  return false;
}

function untilClosed({ res }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    res.once("close", resolve);
  });
}

/** False where it cannot be paid for: the call then hears why when it is made. */
async function replay(deps: AiGatewayDeps, call: CacheableCall, found: CachedAnswer): Promise<boolean> {
  const { openCalls, random, answerCache } = deps;
  const { res, requestId } = call.exchange;
  const callId = random.id("call");
  const open: OpenCall = { abort: () => {}, previous: undefined, next: undefined };
  openCalls.begin(open);
  try {
    const savedNanos = await charge(deps, call, callId, found);
    answerCache.note("hit", savedNanos);
    deps.choices.noteCached({ tenantId: call.caller.tenantId, callId }, savedNanos, call.findings);
    if (res.destroyed) return true;
    res.writeHead(200, {
      ...{ "content-type": found.contentType, "content-length": found.bytes.length, "cache-control": "no-store" },
      ...{ age: String(found.ageSeconds), [cacheHeader]: "hit", "lyss-cache-saved-nanos": String(savedNanos) },
      ...{ "x-request-id": requestId, "lyss-call-id": callId, "lyss-provider": found.provider },
    });
    res.end(found.bytes);
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
  { provider, model, tokens }: CachedAnswer,
): Promise<bigint> {
  const { tenantId, keyId, userId } = caller;
  const charged = shareOf(tokens, settings.cache.chargedShare);
  const most = toBound(charged);
  const funds = await funding.fund({
    ...{ callId, requestId, tenantId, keyId, userId, provider, model, tags },
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

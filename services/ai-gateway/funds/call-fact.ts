import { create } from "@bufbuild/protobuf";
import {
  CallError,
  CallOutcome,
  ServiceMode,
  type TokenUsage,
  TokenUsageSchema,
  type UsageFact,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import { serviceModeMessages, toUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import type { CallToFund, Spent } from "./funds.ts";

// Messages of the contract are plain objects. Written down as such, field by field and with all of them, they keep one shape, which
// V8 makes and copies at once; what `create` puts together, or several spreads do, it does not.

/** A fact that says nothing. */
export function blankFact(): UsageFact {
  return {
    $typeName: "lyss.billing.v1.UsageFact",
    callId: "",
    attempt: 0,
    leaseId: "",
    requestId: "",
    tenantId: "",
    keyId: "",
    userId: "",
    provider: "",
    model: "",
    priceId: "",
    outcome: CallOutcome.UNSPECIFIED,
    tokens: undefined,
    isEstimated: false,
    latencyMs: 0n,
    startedAtMs: 0n,
    serviceMode: ServiceMode.UNSPECIFIED,
    isUncharged: false,
    tags: "",
    mayHaveUsed: undefined,
    continuesAttempt: 0,
    firstTokenMs: 0,
    isStreamed: false,
    error: CallError.UNSPECIFIED,
  };
}

/** A usage of nothing. */
export function blankUsage(): TokenUsage {
  return { $typeName: "lyss.billing.v1.TokenUsage", inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
}

/** What is known of an attempt when it begins. */
export function beginFact(
  {
    callId,
    attempt = 1,
    requestId,
    tenantId,
    keyId,
    userId,
    provider,
    model,
    tags = "",
    continuesAttempt = 0,
    isStreamed = false,
  }: CallToFund,
  { priceId, leaseId, startedAtMs }: Pick<UsageFact, "priceId" | "leaseId" | "startedAtMs">,
): UsageFact {
  const fact = blankFact();
  fact.callId = callId;
  fact.attempt = attempt;
  fact.leaseId = leaseId;
  fact.requestId = requestId;
  fact.tenantId = tenantId;
  fact.keyId = keyId;
  fact.userId = userId;
  fact.provider = provider;
  fact.model = model;
  fact.priceId = priceId;
  fact.startedAtMs = startedAtMs;
  fact.tags = tags;
  fact.continuesAttempt = continuesAttempt;
  fact.isStreamed = isStreamed;
  return fact;
}

/** Adds how it ended: to the same object, for an attempt has but one. */
export function endFact(fact: UsageFact, ended: Spent): void {
  const { outcome, tokens, isEstimated, mayHaveUsed, latencyMs, serviceMode = "standard" } = ended;
  const { firstTokenMs, error = CallError.UNSPECIFIED } = ended;
  fact.outcome = outcome;
  fact.tokens = toTokenUsage(tokens);
  fact.isEstimated = isEstimated;
  fact.latencyMs = BigInt(Math.round(latencyMs));
  fact.serviceMode = serviceModeMessages[serviceMode];
  fact.mayHaveUsed = mayHaveUsed && toTokenUsage(mayHaveUsed);
  fact.firstTokenMs = firstTokenMs === undefined ? 0 : Math.max(1, Math.round(firstTokenMs));
  fact.error = error;
}

function toTokenUsage(counts: TokenCounts): TokenUsage {
  if (counts.otherBuckets) return create(TokenUsageSchema, toUsageMessage(counts));
  const { inputTokens, cachedInputTokens, outputTokens } = counts;
  return { $typeName: "lyss.billing.v1.TokenUsage", inputTokens, cachedInputTokens, outputTokens };
}

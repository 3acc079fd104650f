import {
  CallOutcome,
  type PostFactsRequest,
  ServiceMode,
  type TokenUsage,
  type UsageFact,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import { fromUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import { fromCallErrorMessage } from "@lyss/contracts/usage/call-errors.ts";
import { maxTagsLength, parseTags } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { z } from "zod";
import type { Fact } from "./fact.ts";
import { noTokens, type Outcome } from "./model.ts";
import { maxInt64, toPricedMode, usageMessageInput } from "./prices/rpc-inputs.ts";
import { tagsInput } from "./usage/tag-fields.ts";
import { outcomeMessages } from "./usage/usage-log.ts";

/** In one request. */
export const maxFacts = 5_000;
const maxTextLength = 200;
const maxAttempts = 1_000;
const amount = z.bigint().min(0n).max(maxInt64);
const text = z.string().max(maxTextLength);
const requiredText = text.min(1);

/** The bounds of a fact, which change nothing of it. */
export const factInput = z.object({
  ...{ callId: requiredText, tenantId: requiredText, leaseId: text, requestId: text, keyId: text, userId: text },
  ...{ provider: text, model: text, priceId: text, attempt: z.int().min(1).max(maxAttempts) },
  ...{ outcome: z.int(), tokens: usageMessageInput.optional(), isEstimated: z.boolean(), latencyMs: amount },
  ...{ startedAtMs: amount, serviceMode: z.enum(ServiceMode), isUncharged: z.boolean(), tags: tagsInput },
  ...{ mayHaveUsed: usageMessageInput.optional(), continuesAttempt: z.int().min(0).max(maxAttempts) },
  ...{ firstTokenMs: z.int().min(0), isStreamed: z.boolean(), error: z.int() },
});

/**
 * True for facts that `factInput` lets through, without asking it: thousands come each second, and its words for what is wrong are
 * wanted of hardly any. False says nothing.
 */
export function areUsualFacts({ nodeId, facts }: PostFactsRequest): boolean {
  return isText(nodeId) && nodeId !== "" && facts.length <= maxFacts && facts.every(isUsual);
}

function isUsual(fact: UsageFact): boolean {
  const { callId, tenantId, leaseId, requestId, keyId, userId, provider, model, priceId, tags } = fact;
  const { isEstimated, isUncharged, isStreamed, tokens, mayHaveUsed } = fact;
  const hasNames = callId !== "" && tenantId !== "" && isText(callId) && isText(tenantId);
  const hasCaller = isText(leaseId) && isText(requestId) && isText(keyId) && isText(userId);
  const hasTarget = isText(provider) && isText(model) && isText(priceId);
  const hasTags = tags === "" || (isText(tags, maxTagsLength) && parseTags(tags) === tags);
  const hasFlags =
    typeof isEstimated === "boolean" && typeof isUncharged === "boolean" && typeof isStreamed === "boolean";
  const hasUsage = isUsage(tokens) && isUsage(mayHaveUsed) && isAmount(fact.latencyMs) && isAmount(fact.startedAtMs);
  const hasCounts = isInt(fact.attempt, 1, maxAttempts) && isInt(fact.continuesAttempt, 0, maxAttempts);
  const hasEnd = isInt(fact.outcome) && isInt(fact.error) && isInt(fact.firstTokenMs, 0) && isMode(fact.serviceMode);
  return hasNames && hasCaller && hasTarget && hasTags && hasFlags && hasUsage && hasCounts && hasEnd;
}

/** Halves of surrogate pairs, whole ones too, and NUL, which PostgreSQL's text cannot hold. */
const unusual = /[\0\ud800-\udfff]/;

function isText(value: string, maxLength = maxTextLength): boolean {
  return typeof value === "string" && value.length <= maxLength && !unusual.test(value);
}

function isInt(value: number, least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function isAmount(value: bigint): boolean {
  return typeof value === "bigint" && value >= 0n && value <= maxInt64;
}

function isMode(value: ServiceMode): boolean {
  return typeof value === "number" && ServiceMode[value] !== undefined;
}

function isUsage(usage: TokenUsage | undefined): boolean {
  if (usage === undefined) return true;
  if (usage === null) return false;
  const { inputTokens, cachedInputTokens, outputTokens, other } = usage;
  if (!isAmount(inputTokens) || !isAmount(cachedInputTokens) || !isAmount(outputTokens)) return false;
  return other === undefined || (other !== null && otherBucketNames.every((name) => isAmount(other[name])));
}

/** What a node has posted, as it is charged. Field by field: what is spread is copied by name for each. */
export function toFact(message: z.output<typeof factInput>): Fact {
  const { tokens, mayHaveUsed } = message;
  const { inputTokens, cachedInputTokens, outputTokens, otherBuckets } = tokens ? fromUsageMessage(tokens) : noTokens;
  return {
    callId: message.callId,
    attempt: message.attempt,
    leaseId: message.leaseId,
    requestId: message.requestId,
    tenantId: message.tenantId,
    keyId: message.keyId,
    userId: message.userId,
    provider: message.provider,
    model: message.model,
    priceId: message.priceId,
    outcome: fromFactOutcome(message.outcome),
    inputTokens,
    cachedInputTokens,
    outputTokens,
    otherBuckets,
    isEstimated: message.isEstimated,
    latencyMs: message.latencyMs,
    startedAtMs: message.startedAtMs,
    serviceMode: toPricedMode(message.serviceMode),
    isUncharged: message.isUncharged,
    tags: message.tags,
    mayHaveUsed: mayHaveUsed && fromUsageMessage(mayHaveUsed),
    continuesAttempt: message.continuesAttempt,
    isStreamed: message.isStreamed,
    firstTokenMs: message.firstTokenMs || undefined,
    error: fromCallErrorMessage(message.error),
  };
}

/** What a call is said to have ended as is never `lost`: only the sweep says that. */
const reportedOutcomes: ReadonlyMap<CallOutcome, Outcome> = new Map(
  (Object.entries(outcomeMessages) as [Outcome, CallOutcome][])
    .filter(([name]) => name !== "lost")
    .map(([name, value]) => [value, name]),
);

/** Throws `kit.invalid_request` for what is no end of a call. */
export function fromOutcome(outcome: CallOutcome): Outcome {
  const known = reportedOutcomes.get(outcome);
  if (known !== undefined) return known;
  const reason = { reason: "must say how the call ended", reason_zh_CN: "必须说明调用的结果" };
  throw new Failure(kitFailures.invalid_request, { field: "outcome", ...reason });
}

/** A node says of an attempt that it never ended, too. */
function fromFactOutcome(outcome: CallOutcome): Outcome {
  return outcome === CallOutcome.LOST ? "lost" : fromOutcome(outcome);
}

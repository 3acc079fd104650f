import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { GetReceiptResponse } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { UsageScope } from "@lyss/contracts/usage/usage-scope.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Finding } from "../guardrails/findings.ts";
import type { MadeCall, MeaningLookup } from "../meaning/meaning-lookup.ts";
import type { ChoiceRecord, SemanticLookup } from "./choice-store.ts";

/** What became of a call: what billing has of its attempts, and what the gateway remembers of how it was routed. */
export interface CallReceipt extends Pick<GetReceiptResponse, "currency" | "costNanos" | "attempts"> {
  readonly callId: string;
  readonly routing: ChoiceRecord["routing"];
  /** Undefined for one that a provider answered. */
  readonly cacheSavedNanos: string | undefined;
  /** Of guardrails; empty for none, and when choices are not kept any more. */
  readonly findings: readonly Finding[];
  /** Undefined for one whose question was not compared. */
  readonly lookup: PricedLookup | undefined;
  /** How it was compared with examples of its route; empty where it has none, and when choices are not kept any more. */
  readonly meanings: readonly PricedMeaning[];
  /** The call that it was made for by a guardrail, or by a comparison; undefined for every other. */
  readonly partOf: string | undefined;
  /** By which it was mirrored, and of which it is the mirror. */
  readonly mirrorCallId: string | undefined;
  readonly mirrorOf: string | undefined;
  /** What it began with; undefined for none. */
  readonly prompt: ChoiceRecord["prompt"];
}

/** With what the vector cost: undefined where that call is not charged yet, or was not made. */
export interface PricedLookup extends SemanticLookup {
  readonly embeddingCostNanos: bigint | undefined;
}

/** With what each call for vectors cost: undefined as above. */
export interface PricedMeaning extends Omit<MeaningLookup, "calls"> {
  readonly calls: readonly (MadeCall & { readonly costNanos: bigint | undefined })[];
}

/**
 * Throws `billing.usage_not_found` for a call that is not there, not charged yet, or not the reader's to see: billing says who may see
 * which.
 */
export async function getReceipt(
  { billing, choices }: Pick<AiGatewayDeps, "billing" | "choices">,
  { callId, tenantId, userId = "", keyId = "" }: UsageScope & { readonly callId: string },
): Promise<CallReceipt> {
  const { currency, costNanos, attempts } = await billing.getReceipt({ callId, tenantId, userId, keyId });
  const noted = (await choices.find(tenantId, callId)) ?? {};
  const { routing, cacheSavedNanos, findings = [], lookup, partOf, mirrorCallId, mirrorOf, prompt } = noted;
  const priceCall = async (call: MadeCall) => ({ ...call, costNanos: await costOf(call.callId) });
  const priceMeaning = async (meaning: MeaningLookup): Promise<PricedMeaning> => ({
    ...meaning,
    calls: await Promise.all(meaning.calls.map(priceCall)),
  });
  const costOf = async (id: string) => {
    try {
      return (await billing.getReceipt({ callId: id, tenantId, userId, keyId })).costNanos;
    } catch (err) {
      if (isFailure(err, billingFailures.usage_not_found)) return undefined;
      throw err;
    }
  };
  const priced = lookup && { ...lookup, embeddingCostNanos: await costOf(lookup.embeddingCallId) };
  const meanings = await Promise.all((noted.meanings ?? []).map(priceMeaning));
  const given = { callId, currency, costNanos, attempts, routing, cacheSavedNanos, findings, meanings };
  return { ...given, lookup: priced, partOf, mirrorCallId, mirrorOf, prompt };
}

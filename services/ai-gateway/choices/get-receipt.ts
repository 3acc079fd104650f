import type { GetReceiptResponse } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { UsageScope } from "@lyss/contracts/usage/usage-scope.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Finding } from "../guardrails/findings.ts";
import type { ChoiceRecord } from "./choice-store.ts";

/** What became of a call: what billing has of its attempts, and what the gateway remembers of how it was routed. */
export interface CallReceipt extends Pick<GetReceiptResponse, "currency" | "costNanos" | "attempts"> {
  readonly callId: string;
  readonly routing: ChoiceRecord["routing"];
  /** Undefined for one that a provider answered. */
  readonly cacheSavedNanos: string | undefined;
  /** Of guardrails; empty for none, and when choices are not kept any more. */
  readonly findings: readonly Finding[];
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
  const { routing, cacheSavedNanos, findings = [] } = (await choices.find(tenantId, callId)) ?? {};
  return { callId, currency, costNanos, attempts, routing, cacheSavedNanos, findings };
}

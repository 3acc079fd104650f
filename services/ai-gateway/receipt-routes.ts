import { timestampDate } from "@bufbuild/protobuf/wkt";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { ReceiptAttempt } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { scopeFor } from "@lyss/contracts/usage/usage-scope.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { callStatuses, statusOf } from "./call-status.ts";
import { choiceBody } from "./choices/choice-body.ts";
import type { CallReceipt } from "./choices/get-receipt.ts";
import { findingBody, toFindingBody } from "./guardrails/finding-body.ts";
import { meaningBody, toMeaningBody } from "./meaning/meaning-body.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const receiptBody = z.strictObject({
  object: z.literal("call_receipt"),
  id: z.string(),
  currency: z.string(),
  cost_nanos: z.string().describe("What the wallet paid for all attempts, in nano-units."),
  cache_saved_nanos: z
    .string()
    .nullable()
    .describe("What an answer from the cache cost less than the first; null for one that a provider gave."),
  semantic_cache: z
    .strictObject({
      similarity: z
        .number()
        .nullable()
        .describe("Of the nearest question that had been answered, 1 for the same; null where there was none."),
      min_similarity: z.number().describe("From where on its answer was given."),
      embedding_call: z.string().describe("The call that made the question a vector: it is paid for by itself."),
      embedding_cost_nanos: z.string().nullable().describe("Null where it is not charged yet, or was not made."),
    })
    .nullable()
    .describe(
      "Null where the question was not compared with others, and when aiGateway.choiceRetentionHours are over.",
    ),
  meaning: z
    .array(meaningBody)
    .describe(
      "How the call was compared with examples of its route (`when.meaning`), by each model that makes vectors; empty where it has none, and when aiGateway.choiceRetentionHours are over.",
    ),
  mirror_call: z
    .string()
    .nullable()
    .describe("By which the route's mirror was asked the same: it has a receipt of its own. Null for none."),
  mirror_of: z.string().nullable().describe("Of a mirror: the call that its caller made. Null for every other."),
  attempts: z.array(
    z.strictObject({
      attempt: z.int().min(1),
      provider: z.string(),
      model: z.string().describe("Its name at that provider's place in Lyss."),
      status: z.enum(callStatuses),
      started_at: z.iso.datetime(),
      charged: z.boolean().describe("False for one after which the call went on elsewhere: nobody pays for it."),
      cost_nanos: z.string(),
      rule: z.string().nullable().describe("The rule of the guide by which it was charged."),
      latency_ms: z.number().nullable(),
    }),
  ),
  routing: choiceBody
    .nullable()
    .describe(
      "Null for a name with one target and no route, for an answer from the cache, without `provider:read`, and when aiGateway.choiceRetentionHours are over.",
    ),
  guardrails: z
    .array(findingBody)
    .describe(
      "What guardrails have found in the call and its answer, without the text; empty when aiGateway.choiceRetentionHours are over.",
    ),
  prompt: z
    .strictObject({ name: z.string(), version: z.int() })
    .nullable()
    .describe("What the call began with. Null for none, and when aiGateway.choiceRetentionHours are over."),
  part_of: z
    .string()
    .nullable()
    .describe(
      "The call that a guardrail has asked this model about, or that this one has made vectors for; null for calls of clients.",
    ),
  billing_receipt: z.string().describe("Where the receipt with price version and cost lines is."),
});

/** Why a call went where it did, and what that cost. */
export const receiptRoutes = [
  json({
    method: "GET",
    path: "/v1/requests/{id}/receipt",
    permission: "billing:read",
    operation: "getCallReceipt",
    summary:
      "Explains a call: the candidates with their scores, why each was chosen or passed over, and what each attempt cost. Without `billing:audit` of the caller's own calls.",
    params: z.strictObject({
      id: z.string().min(1).max(200).describe("The call: the header lyss-call-id of its answer."),
    }),
    response: receiptBody,
    failures: [billingFailures.usage_not_found],
    async handle(ops, request) {
      const caller = requireCaller(request);
      const receipt = await ops.getReceipt({ ...scopeFor(caller, {}), callId: request.params.id });
      if (permits(caller.permissions, "provider:read")) return toReceiptBody(receipt);
      // Who may not see providers does not see how they do, nor where else the call might have gone.
      const meanings = receipt.meanings.map((meaning) => ({ ...meaning, places: [] }));
      return toReceiptBody({ ...receipt, routing: undefined, meanings });
    },
  }),
];

function toReceiptBody(receipt: CallReceipt): z.input<typeof receiptBody> {
  const {
    callId,
    currency,
    costNanos,
    attempts,
    routing = null,
    cacheSavedNanos = null,
    findings,
    lookup,
    partOf,
  } = receipt;
  return {
    ...{ object: "call_receipt", id: callId, currency, cost_nanos: costNanos.toString() },
    ...{ cache_saved_nanos: cacheSavedNanos, attempts: attempts.map(toAttempt), routing },
    meaning: receipt.meanings.map(toMeaningBody),
    ...{ mirror_call: receipt.mirrorCallId ?? null, mirror_of: receipt.mirrorOf ?? null },
    semantic_cache: lookup
      ? {
          ...{ similarity: lookup.similarity ?? null, min_similarity: lookup.minSimilarity },
          embedding_call: lookup.embeddingCallId,
          embedding_cost_nanos: lookup.embeddingCostNanos?.toString() ?? null,
        }
      : null,
    guardrails: findings.map(toFindingBody),
    prompt: receipt.prompt ?? null,
    part_of: partOf ?? null,
    billing_receipt: `/v1/billing/usage/${callId}`,
  };
}

function toAttempt(one: ReceiptAttempt): z.input<typeof receiptBody>["attempts"][number] {
  const { attempt, provider, model, outcome, startedAt, isCharged, costNanos, ruleId, latencyMs } = one;
  return {
    ...{ attempt, provider, model, status: statusOf[outcome], charged: isCharged, cost_nanos: costNanos.toString() },
    started_at: (startedAt ? timestampDate(startedAt) : new Date(0)).toISOString(),
    rule: isCharged ? ruleId : null,
    latency_ms: isCharged ? Number(latencyMs) : null,
  };
}

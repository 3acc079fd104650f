import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { amountInput } from "../amount-inputs.ts";
import { formatNanos, parseNanos } from "../model.ts";
import type { BillingOps } from "../ops.ts";

const { json } = routesFor<BillingOps>();

/** How far tenants may spend beyond what they have. */
export const overdraftRoutes = [
  json({
    method: "PUT",
    path: "/admin/billing/wallets/{tenant_id}/credit-limit",
    permission: "platform:billing",
    operation: "setCreditLimit",
    stepUp: "with_factors",
    summary:
      "Lets a tenant spend so much beyond what it has, as far as its plan allows; 0 ends that. It is lowered by what is free of it.",
    params: z.strictObject({ tenant_id: z.string().max(64) }),
    body: z
      .strictObject({
        limit: amountInput.describe("Decimal string in units of the currency; 0 for none."),
        reference: z.string().min(1).max(120).describe("Names this; a repeat with the same one does nothing more."),
        reason: z.string().min(1).max(500).describe("For whoever reads the books."),
      })
      .meta({ examples: [{ limit: "50", reference: "contract-7", reason: "pays by invoice" }] }),
    response: z.strictObject({
      object: z.literal("credit_limit"),
      tenant_id: z.string(),
      limit: z.string(),
      before: z.string().describe("What it was until then."),
      reference: z.string(),
      created_at: z.iso.datetime(),
    }),
    failures: [
      ...[billingFailures.wallet_not_found, billingFailures.reference_reused, billingFailures.amount_out_of_range],
      ...[billingFailures.amount_unavailable, billingFailures.credit_not_in_plan],
    ],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { limit, reference, reason } = request.body;
      const tenantId = request.params.tenant_id;
      const change = { tenantId, limitNanos: parseNanos(limit) ?? 0n, reference, reason, userId };
      const { limitNanos, beforeNanos, createdAt } = await ops.setCreditLimit(change);
      return {
        object: "credit_limit" as const,
        tenant_id: tenantId,
        ...{ limit: formatNanos(limitNanos), before: formatNanos(beforeNanos), reference },
        created_at: createdAt.toISOString(),
      };
    },
  }),
];

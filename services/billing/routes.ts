import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { splitBalance } from "./grants/grant-model.ts";
import { integrityRoutes } from "./integrity/integrity-routes.ts";
import { availableNanos, formatNanos, parseNanos } from "./model.ts";
import type { BillingOps } from "./ops.ts";
import { type CreditedWallet, ownNanos } from "./overdraft/overdraft.ts";
import { priceRoutes } from "./prices/admin-routes.ts";
import { planRoutes } from "./prices/plan-routes.ts";
import { priceBody, toPriceBody } from "./prices/price-body.ts";
import { reconciliationRoutes } from "./reconciliation/reconciliation-routes.ts";

const { json } = routesFor<BillingOps>();

const operate = "platform:billing";

const balance = z.strictObject({
  object: z.literal("balance"),
  currency: z.string(),
  balance_nanos: z.string().describe("What the tenant has, in nano-units of the currency: available and held."),
  available_nanos: z.string().describe("What calls may spend: what is not set aside, with the credit limit."),
  credit_limit_nanos: z
    .string()
    .describe("How far calls may spend beyond what the tenant has; the balance is negative then."),
  held_nanos: z
    .string()
    .describe(
      "What is set aside for calls in flight, and by nodes for the next ones; what they do not use comes back.",
    ),
  balance: z.string().describe("The same as balance_nanos, in units of the currency."),
  available: z.string().describe("The same as available_nanos, in units of the currency."),
  credit_limit: z.string().describe("The same as credit_limit_nanos, in units of the currency."),
});

const splitBalanceBody = balance.extend({
  granted: z.string().describe("What of the balance was granted and ends; it is spent first."),
  lasting: z.string().describe("What of the balance does not end."),
  owed: z.string().describe("Money that was taken back after it was spent; what comes in pays it first."),
  grants: z
    .array(z.strictObject({ id: z.string(), left: z.string(), expires_at: z.iso.datetime() }))
    .describe("Open grants, the one that ends first first."),
});

/** What tenants see of their money, and operators of the journal. */
export const billingRoutes = [
  ...integrityRoutes,
  ...reconciliationRoutes,
  json({
    method: "GET",
    path: "/v1/billing/balance",
    permission: "billing:read",
    operation: "getBalance",
    summary: "The tenant's prepaid balance.",
    response: splitBalanceBody,
    failures: [billingFailures.wallet_not_found],
    async handle(ops, request) {
      const wallet = await ops.getBalance({ tenantId: requireCaller(request).tenantId });
      const open = (await ops.grants.listOpen(wallet.walletId)).filter(({ leftNanos }) => leftNanos > 0n);
      const owed = formatNanos(await ops.payments.getDebt(wallet.walletId));
      const { grantedNanos, lastingNanos } = splitBalance(ownNanos(wallet), open);
      const grants = open.map(({ grantId, leftNanos, expiresAt }) => ({
        ...{ id: grantId, left: formatNanos(leftNanos), expires_at: expiresAt.toISOString() },
      }));
      return {
        ...toBalance(wallet),
        granted: formatNanos(grantedNanos),
        lasting: formatNanos(lastingNanos),
        owed,
        grants,
      };
    },
  }),
  json({
    method: "POST",
    path: "/v1/billing/top-up",
    permission: "billing:top_up",
    operation: "topUpWallet",
    stepUp: "with_factors",
    summary: "Credits the tenant's wallet by hand. The same reference credits once.",
    body: z.strictObject({
      amount: z.string().max(32).describe("Decimal string in units of the currency, such as 25 or 0.50."),
      reference: z.string().min(1).max(120).describe("Names this top-up; a repeat with the same one credits nothing."),
    }),
    response: balance,
    takesIdempotencyKey: true,
    failures: [billingFailures.wallet_not_found, billingFailures.reference_reused, billingFailures.amount_out_of_range],
    async handle(ops, request) {
      const { tenantId, permissions } = requireCaller(request);
      // Where money comes in by itself, who enters some by hand has to operate the installation.
      if (ops.payments.isOffered && !permits(permissions, operate)) {
        throw new Failure(kitFailures.permission_denied, { permission: operate });
      }
      const { amount, reference } = request.body;
      const amountNanos = parseNanos(amount);
      if (amountNanos === undefined) {
        const reason = "must be a decimal string with at most nine decimals, such as 25 or 0.50";
        const reason_zh_CN = "必须是最多九位小数的十进制数字符串，例如 25 或 0.50";
        throw new Failure(kitFailures.invalid_request, { field: "amount", reason, reason_zh_CN });
      }
      const { wallet } = await ops.topUpWallet({ tenantId, amountNanos, reference, source: "manual" });
      return toBalance(wallet);
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/prices",
    permission: "billing:read",
    operation: "listPrices",
    summary: "The current price version of each model.",
    query: z.strictObject({ provider: z.string().max(64).optional() }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(priceBody) }),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const data = (await ops.listPrices({ tenantId, provider: request.query.provider })).map(toPriceBody);
      return { object: "list" as const, data };
    },
  }),
  ...priceRoutes,
  ...planRoutes,
];

function toBalance(wallet: CreditedWallet): z.input<typeof balance> {
  const available = availableNanos(wallet);
  return {
    object: "balance",
    currency: wallet.currency,
    balance_nanos: ownNanos(wallet).toString(),
    available_nanos: available.toString(),
    held_nanos: wallet.heldNanos.toString(),
    credit_limit_nanos: wallet.creditLimitNanos.toString(),
    balance: formatNanos(ownNanos(wallet)),
    available: formatNanos(available),
    credit_limit: formatNanos(wallet.creditLimitNanos),
  };
}

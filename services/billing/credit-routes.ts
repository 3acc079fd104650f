import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { z } from "zod";
import { amountInput, signedAmountInput } from "./amount-inputs.ts";
import type { CodeBatch } from "./codes/code-model.ts";
import type { Grant } from "./grants/grant-model.ts";
import { formatNanos, parseNanos } from "./model.ts";
import type { BillingOps } from "./ops.ts";

const { json } = routesFor<BillingOps>();

const time = z.iso.datetime();
const anyTime = z.iso.datetime({ offset: true });
const operator = { permission: "platform:billing" } as const;
const tenantParams = z.strictObject({ tenant_id: z.string().max(64) });

/** Nanos of a positive decimal string. */
const amount = amountInput.describe("Decimal string in units of the currency, such as 25 or 0.50.");
const cause = {
  reference: z.string().min(1).max(120).describe("Names this; a repeat with the same one does nothing more."),
  reason: z.string().min(1).max(500).describe("For whoever reads the books."),
};

const grant = z
  .strictObject({
    object: z.literal("credit_grant"),
    id: z.string(),
    tenant_id: z.string(),
    amount: z.string(),
    left: z.string().describe("What is left of it, as of when the grants of the wallet were settled last."),
    expired: z.string().describe("What of it has ended unused."),
    reason: z.string(),
    reference: z.string(),
    created_by: z.string(),
    created_at: time,
    expires_at: time,
    ended_at: time.nullable(),
  })
  .meta({
    examples: [
      {
        ...{
          object: "credit_grant",
          id: "grt_01m7y7hke7x58cshes0a8f80pb",
          tenant_id: "ten_01m7y7gm8693437391fcwn82rx",
        },
        ...{ amount: "10", left: "7.5", expired: "0", reason: "welcome", reference: "welcome-1" },
        ...{ created_by: "usr_01m7y7gm8693437391fcwn82rx", created_at: "2026-11-25T12:00:00.000Z" },
        ...{ expires_at: "2026-12-25T12:00:00.000Z", ended_at: null },
      },
    ],
  });

const batchFields = {
  id: z.string(),
  name: z.string(),
  amount: z.string().describe("What each redemption is worth."),
  currency: z.string(),
  count: z.int(),
  max_uses: z.int().describe("How often each code may be redeemed, by different tenants."),
  once_per_tenant: z.boolean().describe("True when a tenant may redeem one code of the batch only."),
  expires_at: time.nullable(),
  created_at: time,
  created_by: z.string(),
  disabled_at: time.nullable(),
};
const batch = z.strictObject({
  object: z.literal("code_batch"),
  ...batchFields,
  redemptions: z.int().describe("How often its codes were redeemed."),
});
const newBatch = z.strictObject({
  object: z.literal("code_batch"),
  ...batchFields,
  codes: z.array(z.string()).describe("Shown in this answer only."),
});

const codeRoutes = [
  json({
    method: "POST",
    path: "/v1/billing/redeem",
    permission: "billing:top_up",
    operation: "redeemCode",
    summary: "Redeems a code: its amount is in the tenant's wallet then.",
    body: z
      .strictObject({ code: z.string().min(1).max(64) })
      .meta({ examples: [{ code: "SPRING-7K2M9-QX4TB-0VWZ8-N3RDJ" }] }),
    response: z.strictObject({
      object: z.literal("redemption"),
      amount: z.string(),
      currency: z.string(),
      balance: z.string().describe("What the tenant has then."),
    }),
    takesIdempotencyKey: true,
    failures: [
      ...[billingFailures.code_invalid, billingFailures.code_redeemed_before, billingFailures.wallet_not_found],
      resilienceFailures.rate_limited,
    ],
    async handle(ops, request) {
      const { tenantId, userId } = requireCaller(request);
      const { wallet, amountNanos } = await ops.codes.redeem({ tenantId, userId, code: request.body.code });
      const { currency, balanceNanos } = wallet;
      return {
        object: "redemption" as const,
        amount: formatNanos(amountNanos),
        currency,
        balance: formatNanos(balanceNanos),
      };
    },
  }),
  json({
    ...operator,
    method: "POST",
    path: "/admin/billing/codes",
    operation: "createCodes",
    stepUp: "with_factors",
    summary: "Makes a batch of redemption codes.",
    body: z
      .strictObject({
        name: z.string().min(1).max(100),
        amount,
        count: z.int().min(1).max(1_000),
        prefix: z
          .string()
          .regex(
            /^[A-Z0-9]{0,16}$/,
            inBothLanguages("must be at most 16 capital letters and digits", "最多 16 个大写字母和数字"),
          )
          .default("")
          .describe("What the codes begin with: capital letters and digits."),
        max_uses: z.int().min(1).max(1_000_000).default(1),
        once_per_tenant: z.boolean().default(false),
        expires_at: anyTime.nullable().default(null),
      })
      .meta({ examples: [{ name: "spring", amount: "10", count: 100, prefix: "SPRING", once_per_tenant: true }] }),
    response: newBatch,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: [billingFailures.expiry_in_past],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { name, count, prefix, max_uses: maxUses, once_per_tenant: isOncePerTenant } = request.body;
      const expiresAt = request.body.expires_at === null ? null : new Date(request.body.expires_at);
      const amountNanos = toNanos(request.body.amount);
      const made = { name, amountNanos, count, prefix, maxUses, isOncePerTenant, expiresAt, userId };
      const created = await ops.codes.createCodes(made);
      return { object: "code_batch" as const, ...toBatchFields(created.batch), codes: [...created.codes] };
    },
  }),
  json({
    ...operator,
    method: "GET",
    path: "/admin/billing/codes",
    operation: "listCodes",
    summary: "Batches of redemption codes, newest first, without the codes.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(batch),
    handle: async (ops, request) =>
      toPageBody(await ops.codes.list(request.query), (it) => ({
        object: "code_batch" as const,
        ...toBatchFields(it),
        redemptions: it.redemptions,
      })),
  }),
  json({
    ...operator,
    method: "POST",
    path: "/admin/billing/codes/{id}/disable",
    operation: "disableCodes",
    summary: "Disables a batch: none of its codes can be redeemed from now on.",
    params: z.strictObject({ id: z.string().max(64) }),
    response: batch,
    failures: [billingFailures.code_batch_not_found],
    async handle(ops, request) {
      const disabled = await ops.codes.disable({ batchId: request.params.id });
      return { object: "code_batch" as const, ...toBatchFields(disabled), redemptions: disabled.redemptions };
    },
  }),
];

const walletRoutes = [
  json({
    ...operator,
    method: "POST",
    path: "/admin/billing/wallets/{tenant_id}/grants",
    operation: "createGrant",
    stepUp: "with_factors",
    summary: "Gives a tenant credit that ends. It is spent before other money; what is left at its end is taken back.",
    params: tenantParams,
    body: z.strictObject({ amount, expires_at: anyTime, ...cause }).meta({
      examples: [{ amount: "10", expires_at: "2026-12-25T12:00:00Z", reference: "welcome-1", reason: "welcome" }],
    }),
    response: grant,
    successStatus: 201,
    failures: [
      ...[billingFailures.wallet_not_found, billingFailures.reference_reused, billingFailures.amount_out_of_range],
      ...[billingFailures.expiry_in_past, billingFailures.too_many_grants],
    ],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { reference, reason, amount: given, expires_at } = request.body;
      const what = { tenantId: request.params.tenant_id, amountNanos: toNanos(given), expiresAt: new Date(expires_at) };
      return toGrant(await ops.grants.createGrant({ ...what, reference, reason, userId }));
    },
  }),
  json({
    ...operator,
    method: "GET",
    path: "/admin/billing/wallets/{tenant_id}/grants",
    operation: "listGrants",
    summary: "Credit that a tenant was granted, newest first.",
    params: tenantParams,
    query: z.strictObject(pageQueryFields),
    response: pageOf(grant),
    handle: async (ops, request) =>
      toPageBody(await ops.grants.list({ tenantId: request.params.tenant_id, ...request.query }), toGrant),
  }),
  json({
    ...operator,
    method: "POST",
    path: "/admin/billing/wallets/{tenant_id}/adjustments",
    operation: "adjustWallet",
    stepUp: "with_factors",
    summary: "Puts money into a wallet by hand, or takes out at most what is available.",
    params: tenantParams,
    body: z
      .strictObject({
        amount: signedAmountInput.describe("Decimal string in units of the currency; negative for what is taken out."),
        ...cause,
      })
      .meta({ examples: [{ amount: "-2.50", reference: "ticket-118", reason: "credited twice by mistake" }] }),
    response: z.strictObject({
      object: z.literal("adjustment"),
      id: z.string(),
      tenant_id: z.string(),
      amount: z.string(),
      currency: z.string(),
      balance: z.string().describe("What the tenant has now."),
      created_at: time,
    }),
    failures: [
      ...[billingFailures.wallet_not_found, billingFailures.reference_reused, billingFailures.amount_out_of_range],
      billingFailures.amount_unavailable,
    ],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { reference, reason, amount: given } = request.body;
      const amountNanos = given.startsWith("-") ? -toNanos(given.slice(1)) : toNanos(given);
      const change = { tenantId: request.params.tenant_id, amountNanos, reference, reason, userId };
      const { wallet, adjustment } = await ops.corrections.adjustWallet(change);
      return {
        object: "adjustment" as const,
        id: adjustment.adjustmentId,
        tenant_id: adjustment.tenantId,
        amount: formatNanos(adjustment.amountNanos),
        currency: wallet.currency,
        balance: formatNanos(wallet.balanceNanos),
        created_at: adjustment.createdAt.toISOString(),
      };
    },
  }),
  json({
    ...operator,
    method: "POST",
    path: "/admin/billing/calls/{id}/refund",
    operation: "refundCall",
    stepUp: "with_factors",
    summary: "Gives back to the wallet what a call has cost, or a part of it.",
    params: z.strictObject({ id: z.string().max(200) }),
    body: z
      .strictObject({ amount: amount.optional().describe("All that is left of its cost unless given."), ...cause })
      .meta({ examples: [{ reference: "ticket-117", reason: "the answer was unusable" }] }),
    response: z.strictObject({
      object: z.literal("refund"),
      id: z.string(),
      tenant_id: z.string(),
      call_id: z.string(),
      amount: z.string(),
      created_at: time,
    }),
    failures: [billingFailures.call_not_found, billingFailures.refund_too_large, billingFailures.reference_reused],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { reference, reason, amount: given } = request.body;
      const amountNanos = given === undefined ? undefined : toNanos(given);
      const what = { callId: request.params.id, amountNanos, reference, reason, userId };
      const refund = await ops.corrections.refundCall(what);
      return {
        object: "refund" as const,
        id: refund.refundId,
        tenant_id: refund.tenantId,
        call_id: refund.callId,
        amount: formatNanos(refund.amountNanos),
        created_at: refund.createdAt.toISOString(),
      };
    },
  }),
];

/** Codes, grants and corrections by hand. */
export const creditRoutes = [...codeRoutes, ...walletRoutes];

/** Of a text that the schema has found to be an amount. */
function toNanos(decimal: string): bigint {
  const nanos = parseNanos(decimal);
  if (nanos === undefined) throw new TypeError(`not an amount: ${decimal}`);
  return nanos;
}

function toGrant(it: Grant): z.input<typeof grant> {
  return {
    object: "credit_grant",
    id: it.grantId,
    tenant_id: it.tenantId,
    amount: formatNanos(it.amountNanos),
    left: formatNanos(it.leftNanos),
    expired: formatNanos(it.expiredNanos),
    reason: it.reason,
    reference: it.reference,
    created_by: it.createdBy,
    created_at: it.createdAt.toISOString(),
    expires_at: it.expiresAt.toISOString(),
    ended_at: it.endedAt?.toISOString() ?? null,
  };
}

function toBatchFields(it: CodeBatch) {
  return {
    id: it.batchId,
    name: it.name,
    amount: formatNanos(it.amountNanos),
    currency: it.currency,
    count: it.codeCount,
    max_uses: it.maxUses,
    once_per_tenant: it.isOncePerTenant,
    expires_at: it.expiresAt?.toISOString() ?? null,
    created_at: it.createdAt.toISOString(),
    created_by: it.createdBy,
    disabled_at: it.disabledAt?.toISOString() ?? null,
  };
}

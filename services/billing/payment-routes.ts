import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { centsInput } from "./amount-inputs.ts";
import { formatNanos, parseNanos } from "./model.ts";
import type { BillingOps } from "./ops.ts";
import type { Order } from "./payments/payment-model.ts";

const { json, raw } = routesFor<BillingOps>();

const states = ["created", "pending", "processing", "paid", "failed", "expired"] as const;
const time = z.iso.datetime();

const order = z
  .strictObject({
    object: z.literal("top_up_order"),
    id: z.string(),
    tenant_id: z.string(),
    state: z
      .enum(states)
      .describe("`pending` can be paid at `checkout_url`; `processing` was paid and the money is on its way."),
    amount: z.string(),
    amount_nanos: z.string(),
    currency: z.string(),
    provider: z.string(),
    checkout_url: z.string().nullable().describe("Where to pay; null when there is nothing to pay any more."),
    created_at: time,
    created_by: z.string(),
    expires_at: time,
    ended_at: time.nullable(),
  })
  .meta({
    examples: [
      {
        object: "top_up_order",
        id: "ord_01m7y7hke7x58cshes0a8f80pb",
        tenant_id: "ten_01m7y7gm8693437391fcwn82rx",
        state: "pending",
        amount: "25",
        amount_nanos: "25000000000",
        currency: "USD",
        provider: "stripe",
        checkout_url: "https://checkout.stripe.com/c/pay/cs_test_a1",
        created_at: "2026-11-25T12:00:00.000Z",
        created_by: "usr_01m7y7gm8693437391fcwn82rx",
        expires_at: "2026-11-25T13:00:00.000Z",
        ended_at: null,
      },
    ],
  });

const params = z.strictObject({ id: z.string().max(64) });
const listQuery = {
  ...pageQueryFields,
  state: z.enum(states).optional(),
  number: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .describe("Of the order, or of its session or payment at the provider; whole."),
};
const webhookLimitBytes = 524_288;

/** Money from outside: what tenants order and pay, and what payment providers say. */
export const paymentRoutes = [
  json({
    method: "POST",
    path: "/v1/billing/top-up/orders",
    permission: "billing:top_up",
    operation: "createTopUpOrder",
    summary: "Orders a top-up, to be paid at the order's checkout_url. The wallet is credited when it was paid.",
    body: z
      .strictObject({
        amount: z.string().max(32).describe("In units of the currency, with at most two decimals."),
        currency: z.string().length(3).default("USD"),
        success_url: z
          .string()
          .max(2_000)
          .describe("Where the payer goes afterwards; an origin of payments.returnOrigins."),
        cancel_url: z.string().max(2_000).describe("Where the payer goes who turns back."),
      })
      .meta({
        examples: [
          {
            amount: "25",
            currency: "USD",
            success_url: "https://console.example.com/billing?paid=1",
            cancel_url: "https://console.example.com/billing",
          },
        ],
      }),
    response: order,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: [
      ...[billingFailures.payments_not_offered, billingFailures.amount_out_of_range],
      ...[billingFailures.return_url_refused, billingFailures.too_many_orders, billingFailures.wallet_not_found],
      ...[billingFailures.payment_provider_failed, billingFailures.payment_refused],
    ],
    async handle(ops, request) {
      const { tenantId, userId } = requireCaller(request);
      const { amount, currency, success_url: successUrl, cancel_url: cancelUrl } = request.body;
      const amountNanos = parseNanos(amount);
      if (amountNanos === undefined) {
        const [reason, reason_zh_CN] = [
          "must be a decimal string such as 25 or 7.50",
          "必须是十进制数字符串，例如 25 或 7.50",
        ];
        throw new Failure(kitFailures.invalid_request, { field: "amount", reason, reason_zh_CN });
      }
      const input = { tenantId, userId, amountNanos, currency, successUrl, cancelUrl };
      return toOrder(await ops.payments.createOrder(input));
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/top-up/orders",
    permission: "billing:read",
    operation: "listTopUpOrders",
    summary: "The tenant's top-up orders, newest first.",
    query: z.strictObject(listQuery),
    response: pageOf(order),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toPageBody(await ops.payments.listOrders({ tenantId, ...request.query }), toOrder);
    },
  }),
  json({
    method: "GET",
    path: "/v1/billing/top-up/orders/{id}",
    permission: "billing:read",
    operation: "getTopUpOrder",
    summary: "A top-up order as it stands.",
    params,
    response: order,
    failures: [billingFailures.order_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toOrder(await ops.payments.getOrder({ orderId: request.params.id, tenantId }));
    },
  }),
  json({
    method: "GET",
    path: "/admin/billing/orders",
    permission: "platform:billing",
    operation: "listAllTopUpOrders",
    summary: "Top-up orders of every tenant, or of one, newest first.",
    query: z.strictObject({ ...listQuery, tenant_id: z.string().max(64).optional() }),
    response: pageOf(order),
    async handle(ops, request) {
      const { tenant_id: tenantId, ...query } = request.query;
      return toPageBody(await ops.payments.listOrders({ tenantId, ...query }), toOrder);
    },
  }),
  json({
    method: "GET",
    path: "/admin/billing/orders/{id}",
    permission: "platform:billing",
    operation: "getAnyTopUpOrder",
    summary: "A top-up order of any tenant.",
    params,
    response: order,
    failures: [billingFailures.order_not_found],
    handle: async (ops, request) => toOrder(await ops.payments.getOrder({ orderId: request.params.id })),
  }),
  json({
    method: "POST",
    path: "/admin/billing/orders/{id}/refund",
    permission: "platform:billing",
    operation: "refundTopUpOrder",
    stepUp: "with_factors",
    summary: "Sends money of a paid order back to whoever paid; it leaves the wallet first.",
    params,
    body: z
      .strictObject({
        amount: centsInput.optional().describe("All that was not returned yet unless given."),
        reference: z.string().min(1).max(120).describe("Names this; a repeat with the same one does nothing more."),
        reason: z.string().min(1).max(500).describe("For whoever reads the books."),
      })
      .meta({ examples: [{ amount: "10", reference: "ticket-119", reason: "asked for by the payer" }] }),
    response: z.strictObject({
      object: z.literal("payment_refund"),
      id: z.string(),
      order_id: z.string(),
      tenant_id: z.string(),
      amount: z.string(),
      state: z
        .enum(["pending", "paid", "failed"])
        .describe("`pending`: the provider has not said yet; `failed`: the money is in the wallet again."),
      created_at: time,
      ended_at: time.nullable(),
    }),
    failures: [
      ...[billingFailures.order_not_found, billingFailures.refund_too_large, billingFailures.amount_unavailable],
      ...[billingFailures.reference_reused, billingFailures.payments_not_offered],
    ],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { reference, reason, amount } = request.body;
      const amountNanos = amount === undefined ? undefined : parseNanos(amount);
      const what = { orderId: request.params.id, amountNanos, reference, reason, userId };
      const refund = await ops.payments.refundOrder(what);
      return {
        object: "payment_refund" as const,
        id: refund.refundId,
        order_id: refund.orderId,
        tenant_id: refund.tenantId,
        amount: formatNanos(refund.amountNanos),
        state: refund.state,
        created_at: refund.createdAt.toISOString(),
        ended_at: refund.endedAt?.toISOString() ?? null,
      };
    },
  }),
  raw({
    method: "POST",
    path: "/webhooks/stripe",
    permission: "public",
    operation: "takeStripeEvent",
    summary: "For Stripe alone: what happened to payments, signed with the webhook's secret.",
    bodyLimitBytes: webhookLimitBytes,
    async handle(ops, { req, res, body }) {
      const header = req.headers["stripe-signature"];
      await ops.payments.takeNotification({ signature: typeof header === "string" ? header : "", body });
      res.writeHead(200, { "content-type": "application/json" }).end('{"received":true}');
    },
  }),
];

function toOrder(it: Order): z.input<typeof order> {
  const isOpen = it.state === "pending" || it.state === "created";
  return {
    object: "top_up_order",
    id: it.orderId,
    tenant_id: it.tenantId,
    state: it.state,
    amount: formatNanos(it.amountNanos),
    amount_nanos: it.amountNanos.toString(),
    currency: it.currency,
    provider: it.provider,
    checkout_url: isOpen ? it.checkoutUrl : null,
    created_at: it.createdAt.toISOString(),
    created_by: it.userId,
    expires_at: it.expiresAt.toISOString(),
    ended_at: it.endedAt?.toISOString() ?? null,
  };
}

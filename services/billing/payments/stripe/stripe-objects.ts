import { z } from "zod";
import type { Checkout, CheckoutState, ProviderRefund, ReversalNews } from "../payment-provider.ts";

const paymentId = z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)]).nullish();

/** Only what is looked at; Stripe adds fields without warning. */
export const stripeSession = z.object({
  object: z.literal("checkout.session"),
  id: z.string().max(255),
  status: z.enum(["open", "complete", "expired"]).nullable(),
  payment_status: z.enum(["paid", "unpaid", "no_payment_required"]),
  mode: z.string(),
  url: z.string().max(8_192).nullish(),
  amount_total: z.int().nullable(),
  currency: z.string().nullable(),
  client_reference_id: z.string().nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  payment_intent: paymentId,
});

export const stripeRefund = z.object({
  object: z.literal("refund"),
  payment_intent: paymentId,
  id: z.string().max(255),
  amount: z.int(),
  currency: z.string(),
  status: z.string().nullable(),
  metadata: z.record(z.string(), z.string()).nullish(),
});

export const stripeCharge = z.object({ object: z.literal("charge"), payment_intent: paymentId });

export const stripeDispute = z.object({
  object: z.literal("dispute"),
  id: z.string().max(255),
  payment_intent: paymentId,
  amount: z.int(),
  currency: z.string(),
  status: z.string(),
});

export const stripeEvent = z.object({
  object: z.literal("event"),
  id: z.string().min(1).max(255),
  type: z.string().max(255),
  data: z.object({ object: z.unknown() }),
});

/** What Stripe counts in is 10^7 nanos of a currency with two decimals. */
const minorUnitNanos: Readonly<Record<string, bigint>> = { USD: 10_000_000n };

/** An amount in Stripe's smallest unit. Throws a RangeError unless it is a whole number of them. */
export function toMinorUnits(nanos: bigint, currency: string): string {
  const unit = minorUnitNanos[currency];
  if (unit === undefined || nanos % unit !== 0n) throw new RangeError(`${nanos} is no amount that Stripe takes`);
  return String(nanos / unit);
}

/** Nanos of an amount of Stripe's; -1 for a currency that we do not take, which then fits no order. */
export function fromMinorUnits(amount: number, currency: string): bigint {
  const unit = minorUnitNanos[currency.toUpperCase()];
  return unit === undefined ? -1n : BigInt(amount) * unit;
}

/** A checkout session; `told` is what an event says beyond it. */
export function toCheckout(session: z.output<typeof stripeSession>, told?: CheckoutState): Checkout {
  const currency = (session.currency ?? "").toUpperCase();
  return {
    sessionId: session.id,
    orderId: session.client_reference_id ?? "",
    url: session.url ?? "",
    amountNanos: fromMinorUnits(session.amount_total ?? -1, currency),
    currency,
    paymentId: session.payment_intent ?? "",
    state: told ?? stateOf(session),
  };
}

function stateOf({ status, payment_status: payment, mode }: z.output<typeof stripeSession>): CheckoutState {
  if (status === "expired") return "expired";
  if (status !== "complete") return "open";
  // Only "paid" is money: a coupon on Stripe's side would end in "no_payment_required".
  return payment === "paid" && mode === "payment" ? "paid" : "processing";
}

const refundStates: Readonly<Record<string, ProviderRefund["state"]>> = {
  succeeded: "paid",
  failed: "failed",
  canceled: "failed",
};

export function toRefund({ id, amount, currency, status, metadata }: z.output<typeof stripeRefund>): ProviderRefund {
  return {
    providerRefundId: id,
    refundId: metadata?.["refund_id"] ?? "",
    amountNanos: fromMinorUnits(amount, currency),
    state: refundStates[status ?? ""] ?? "pending",
  };
}

/** A dispute; undefined for an inquiry (`warning_…`), which takes no money, and for a payment that has no name. */
export function toDispute(dispute: z.output<typeof stripeDispute>): ReversalNews | undefined {
  const { id: reversalId, payment_intent: paymentId, amount, status } = dispute;
  if (!paymentId || status.startsWith("warning_")) return undefined;
  const currency = dispute.currency.toUpperCase();
  const state = status === "won" || status === "lost" ? status : "open";
  return { kind: "dispute", paymentId, reversalId, amountNanos: fromMinorUnits(amount, currency), currency, state };
}

import { z } from "zod";
import type { Checkout, CheckoutState } from "../payment-provider.ts";

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
  payment_intent: z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)]).nullish(),
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

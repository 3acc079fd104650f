import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { z } from "zod";
import type { CheckoutState, PaymentProvider } from "../payment-provider.ts";
import { createStripeClient, type StripeClientOptions, type StripeFields } from "./stripe-client.ts";
import {
  stripeCharge,
  stripeDispute,
  stripeEvent,
  stripeRefund,
  stripeSession,
  toCheckout,
  toDispute,
  toMinorUnits,
  toRefund,
} from "./stripe-objects.ts";
import { isSigned } from "./stripe-signature.ts";

export interface StripeOptions extends StripeClientOptions {
  /** With which Stripe signs what it sends to the webhook. */
  readonly webhookSecret: Secret;
  /** What the payer sees on the page. */
  readonly productName: string;
}

/** Notifications that tell of a checkout, and what each tells beyond the session in it. */
const checkoutEvents: Readonly<Record<string, { readonly told?: CheckoutState }>> = {
  "checkout.session.completed": {},
  "checkout.session.async_payment_succeeded": {},
  "checkout.session.async_payment_failed": { told: "failed" },
  "checkout.session.expired": { told: "expired" },
};

/** Something has become of a payment's refunds: what, is looked up. */
const refundEvents = new Set(["charge.refunded", "charge.refund.updated", "refund.updated", "refund.failed"]);
const disputeEvents = new Set(["charge.dispute.created", "charge.dispute.closed"]);

/** Payments by Stripe Checkout, on its HTTP API. */
export function createStripeProvider(options: StripeOptions): PaymentProvider {
  const client = createStripeClient(options);
  const { webhookSecret, productName, clock } = options;

  async function list<Item extends z.ZodType>(path: string, item: Item, query: StripeFields) {
    const answer = await client.get(path, query);
    return understand(z.object({ data: z.array(item) }), answer ?? { data: [] }).data;
  }

  return {
    name: "stripe",
    async createCheckout({ orderId, amountNanos, currency, successUrl, cancelUrl, expiresAt }) {
      const answer = await client.post("/v1/checkout/sessions", orderId, {
        mode: "payment",
        client_reference_id: orderId,
        success_url: successUrl,
        cancel_url: cancelUrl,
        expires_at: String(Math.floor(expiresAt.getTime() / 1_000)),
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": currency.toLowerCase(),
        "line_items[0][price_data][unit_amount]": toMinorUnits(amountNanos, currency),
        "line_items[0][price_data][product_data][name]": productName,
        "metadata[order_id]": orderId,
        // The payment and its charge carry it too: refunds and disputes come without the session.
        "payment_intent_data[metadata][order_id]": orderId,
      });
      return toCheckout(understand(stripeSession, answer));
    },
    async findCheckout(sessionId) {
      const answer = await client.get(`/v1/checkout/sessions/${encodeURIComponent(sessionId)}`);
      return answer === undefined ? undefined : toCheckout(understand(stripeSession, answer));
    },
    async findCheckoutOfPayment(paymentId) {
      const [checkout] = await list("/v1/checkout/sessions", stripeSession, { payment_intent: paymentId, limit: "1" });
      return checkout && toCheckout(checkout);
    },
    async refund({ refundId, paymentId, amountNanos, currency }) {
      const answer = await client.post("/v1/refunds", refundId, {
        payment_intent: paymentId,
        amount: toMinorUnits(amountNanos, currency),
        "metadata[refund_id]": refundId,
      });
      return toRefund(understand(stripeRefund, answer));
    },
    async listRefunds(paymentId) {
      return (await list("/v1/refunds", stripeRefund, { payment_intent: paymentId, limit: "100" })).map(toRefund);
    },
    readEvent(notification) {
      if (!isSigned(notification, webhookSecret.reveal(), clock.nowMs())) throw refused();
      const event = stripeEvent.safeParse(parse(notification.body));
      if (!event.success) throw refused();
      const { id: eventId, type, data } = event.data;
      const none = { eventId, type, checkout: undefined, reversal: undefined };
      const known = checkoutEvents[type];
      if (known) return { ...none, checkout: toCheckout(read(stripeSession, data.object), known.told) };
      if (disputeEvents.has(type)) return { ...none, reversal: toDispute(read(stripeDispute, data.object)) };
      if (!refundEvents.has(type)) return none;
      const { payment_intent: paymentId } = read(type === "charge.refunded" ? stripeCharge : stripeRefund, data.object);
      return { ...none, reversal: paymentId ? { kind: "refund", paymentId } : undefined };
    },
    close: () => client.close(),
  };
}

/** An answer of the API. One that is not as it is documented says nothing about what happened. */
function understand<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw new Failure(billingFailures.payment_provider_failed, {}, { cause: result.error });
}

/** What a notification is about. */
function read<Schema extends z.ZodType>(schema: Schema, object: unknown): z.output<Schema> {
  const result = schema.safeParse(object);
  if (result.success) return result.data;
  throw refused();
}

function refused(): Failure {
  return new Failure(billingFailures.webhook_refused);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    // Refused below like anything else that is no event.
    return undefined;
  }
}

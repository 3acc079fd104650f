import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Checkout, CheckoutState, PaymentProvider } from "../payment-provider.ts";
import { createStripeClient, type StripeClientOptions } from "./stripe-client.ts";
import { stripeEvent, stripeSession, toCheckout, toMinorUnits } from "./stripe-objects.ts";
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

/** Payments by Stripe Checkout, on its HTTP API. */
export function createStripeProvider(options: StripeOptions): PaymentProvider {
  const client = createStripeClient(options);
  const { webhookSecret, productName, clock } = options;
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
      return readCheckout(answer);
    },
    async findCheckout(sessionId) {
      const answer = await client.get(`/v1/checkout/sessions/${encodeURIComponent(sessionId)}`);
      return answer === undefined ? undefined : readCheckout(answer);
    },
    readEvent(notification) {
      if (!isSigned(notification, webhookSecret.reveal(), clock.nowMs())) throw refused();
      const event = stripeEvent.safeParse(parse(notification.body));
      if (!event.success) throw refused();
      const { id: eventId, type, data } = event.data;
      const known = checkoutEvents[type];
      if (!known) return { eventId, type, checkout: undefined };
      const session = stripeSession.safeParse(data.object);
      if (!session.success) throw refused();
      return { eventId, type, checkout: toCheckout(session.data, known.told) };
    },
    close: () => client.close(),
  };
}

function readCheckout(answer: unknown): Checkout {
  const session = stripeSession.safeParse(answer);
  if (session.success) return toCheckout(session.data);
  throw new Failure(billingFailures.payment_provider_failed, {}, { cause: session.error });
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

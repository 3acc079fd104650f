import { createOrderStore } from "./order-store.ts";
import type { PaymentSettings } from "./payment-config.ts";
import type { PaymentDeps } from "./payment-deps.ts";
import type { PaymentProvider } from "./payment-provider.ts";
import { createPayments } from "./payments.ts";
import { createRefundStore } from "./refund-store.ts";
import { createStripeProvider } from "./stripe/stripe-provider.ts";

/** Payments with the provider that is configured, or with none. `stop` closes its connections. */
export function createPaymentParts(deps: Omit<PaymentDeps, "orders" | "refunds" | "provider">) {
  const provider = openProvider(deps.settings, deps);
  const orders = createOrderStore(deps.db.sql);
  const ops = createPayments({ ...deps, orders, refunds: createRefundStore(deps.db.sql), provider });
  return {
    ops,
    async stop(): Promise<void> {
      await provider?.close();
    },
  };
}

function openProvider(
  { stripe, productName }: PaymentSettings,
  { clock, random, log }: Pick<PaymentDeps, "clock" | "random" | "log">,
): PaymentProvider | undefined {
  const { apiKey, webhookSecret, baseUrl } = stripe;
  if (!apiKey || !webhookSecret) return undefined;
  return createStripeProvider({ apiKey, webhookSecret, baseUrl, productName, clock, random, log });
}

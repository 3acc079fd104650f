import type { Checkout, CheckoutState } from "./payment-provider.ts";

/** `created`: not yet known to the provider. `processing`: paid by the payer, not yet in our hands. */
export type OrderState = "created" | "pending" | "processing" | "paid" | "failed" | "expired";

/** What a tenant wants to pay into its wallet. */
export interface Order {
  readonly orderId: string;
  readonly tenantId: string;
  readonly walletId: string;
  readonly userId: string;
  readonly provider: string;
  readonly currency: string;
  readonly amountNanos: bigint;
  readonly state: OrderState;
  readonly successUrl: string;
  readonly cancelUrl: string;
  readonly sessionId: string | null;
  readonly checkoutUrl: string | null;
  readonly paymentId: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
}

/** What an order waits for no more. */
export function isEnded(state: OrderState): boolean {
  return state === "paid" || state === "failed" || state === "expired";
}

const statesByCheckout: Readonly<Record<CheckoutState, OrderState>> = {
  open: "pending",
  processing: "processing",
  paid: "paid",
  failed: "failed",
  expired: "expired",
};

const rank: Readonly<Record<OrderState, number>> = {
  created: 0,
  pending: 1,
  processing: 2,
  failed: 3,
  expired: 3,
  paid: 4,
};

/**
 * The state of an order after its provider has told of its checkout. News may come twice and in any order: an order never
 * goes back, and `paid` has the last word, for then the money is there, whatever was said before.
 */
export function nextState(state: OrderState, told: CheckoutState): OrderState {
  const next = statesByCheckout[told];
  return rank[next] > rank[state] ? next : state;
}

/** What in a checkout is not as its order has it; undefined when all is. */
export function findMismatch(order: Order, provider: string, checkout: Checkout): string | undefined {
  if (order.provider !== provider) return "provider";
  if (checkout.orderId !== order.orderId) return "order";
  if (order.sessionId !== null && order.sessionId !== checkout.sessionId) return "session";
  if (checkout.currency !== order.currency) return "currency";
  if (checkout.amountNanos !== order.amountNanos) return "amount";
  return undefined;
}

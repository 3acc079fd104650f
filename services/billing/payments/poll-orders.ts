import { applyCheckout } from "./apply-checkout.ts";
import type { PaymentDeps } from "./payment-deps.ts";
import type { Order } from "./payment-model.ts";

const maxPerRun = 50;

/**
 * Asks the provider for orders of which it said nothing yet: notifications get lost. What it answers counts as if it had
 * been said. An order of which the provider never heard ends with its time. Safe to run on several nodes.
 */
export async function pollOrders(deps: PaymentDeps, signal: AbortSignal): Promise<void> {
  const { provider } = deps;
  if (!provider) return;
  const now = new Date(deps.clock.nowMs());
  const due = await deps.db.transaction((tx) => deps.orders.takeDueOrders(tx, now, maxPerRun));
  for (const order of due) {
    if (signal.aborted) return;
    try {
      await poll(deps, provider, order, now);
    } catch (err) {
      // The others are asked for all the same; this one again at its next time.
      deps.log.warn({ err, order_id: order.orderId }, "an order could not be compared with its provider");
    }
  }
}

async function poll(
  deps: PaymentDeps,
  provider: NonNullable<PaymentDeps["provider"]>,
  order: Order,
  now: Date,
): Promise<void> {
  if (order.provider !== provider.name) return;
  if (order.sessionId !== null) {
    const checkout = await provider.findCheckout(order.sessionId);
    if (checkout) await applyCheckout(deps, checkout);
    return;
  }
  if (order.expiresAt > now) return;
  await deps.db.transaction((tx) => deps.orders.expireOrder(tx, order.orderId, now));
}

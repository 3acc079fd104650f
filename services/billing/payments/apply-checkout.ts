import { topUpCompleted } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { creditEntries } from "../debts/debt-entries.ts";
import { readDebt } from "../debts/debts.ts";
import { accounts } from "../journal/accounts.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { type PaymentDeps, requireProvider } from "./payment-deps.ts";
import { findMismatch, isEnded, nextState, type Order } from "./payment-model.ts";
import type { Checkout, PaymentEvent } from "./payment-provider.ts";

/**
 * Takes what the provider says of an order's checkout, in one transaction: the order's state and, the first time that it is
 * paid, the credit. News that came before, or were overtaken, change nothing. A checkout that names no order is none of
 * ours. Throws `order_not_found`, and `payment_mismatch` when the provider, session, currency or amount is not the order's.
 */
export async function applyCheckout(
  deps: PaymentDeps,
  checkout: Checkout,
  event?: Pick<PaymentEvent, "eventId" | "type">,
): Promise<void> {
  if (checkout.orderId === "") return;
  const { name: provider } = requireProvider(deps);
  const known = await deps.orders.findOrder(checkout.orderId);
  if (!known) throw new Failure(billingFailures.order_not_found);
  const field = findMismatch(known, provider, checkout);
  if (field !== undefined) {
    const facts = { order_id: known.orderId, field, session: checkout.sessionId };
    deps.log.error(facts, "a payment does not fit its order; nothing is credited");
    throw new Failure(billingFailures.payment_mismatch, { field });
  }
  const isCredited = await deps.db.transaction(async (tx) => {
    const receivedAt = new Date(deps.clock.nowMs());
    const { orderId } = known;
    if (event && !(await deps.orders.insertEvent(tx, { ...event, provider, orderId, receivedAt }))) return false;
    const [wallet] = await deps.journal.lockWallets(tx, [known.tenantId], known.currency);
    const order = await deps.orders.lockOrder(tx, orderId);
    if (!wallet || !order) throw new Failure(billingFailures.order_not_found);
    return changeOrder(tx, deps, wallet, order, checkout);
  });
  if (isCredited) deps.ledger.wake(known.tenantId);
}

async function changeOrder(
  tx: Tx,
  deps: PaymentDeps,
  wallet: LockedWallet,
  order: Order,
  checkout: Checkout,
): Promise<boolean> {
  const state = nextState(order.state, checkout.state);
  if (state === order.state) return false;
  await deps.orders.updateOrder(tx, {
    orderId: order.orderId,
    state,
    sessionId: checkout.sessionId,
    checkoutUrl: checkout.url || order.checkoutUrl,
    paymentId: checkout.paymentId || order.paymentId,
    endedAt: isEnded(state) ? new Date(deps.clock.nowMs()) : null,
  });
  if (state !== "paid") return false;
  const { orderId, tenantId, walletId, provider, currency, amountNanos } = order;
  const debtNanos = await readDebt(tx, deps, wallet);
  const entries = creditEntries(accounts.paidBy(provider), wallet, amountNanos, debtNanos);
  const posting = { postingId: deps.random.id("pst"), kind: "payment", reference: orderId, currency, entries } as const;
  await deps.journal.post(tx, [wallet], [posting]);
  await deps.outbox.append(tx, topUpCompleted, { orderId, tenantId, walletId, provider, currency, amountNanos });
  return true;
}

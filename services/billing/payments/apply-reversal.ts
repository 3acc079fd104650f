import { chargeBackRecorded } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { creditEntries, reversalEntries } from "../debts/debt-entries.ts";
import { readDebt } from "../debts/debts.ts";
import { fitGrants } from "../grants/grants.ts";
import { accounts } from "../journal/accounts.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { applyCheckout } from "./apply-checkout.ts";
import { getOrder } from "./list-orders.ts";
import { type PaymentDeps, requireProvider } from "./payment-deps.ts";
import type { Order } from "./payment-model.ts";
import type { ReversalNews } from "./payment-provider.ts";
import type { Reversal } from "./refund-model.ts";
import { applyRefundNews } from "./refund-order.ts";

/**
 * Takes what the provider says of money that went back to a payer, or did not get there, each dispute and refund once, whatever
 * comes twice or in the wrong order. What the wallet does not have available any more, its tenant owes. A payment for which
 * there is no order is none of ours.
 */
export async function applyReversal(deps: PaymentDeps, news: ReversalNews): Promise<void> {
  const order = await findOrderOf(deps, news.paymentId);
  if (!order) return;
  const shared = { provider: order.provider, orderId: order.orderId, createdAt: new Date(deps.clock.nowMs()) };
  if (news.kind === "dispute") {
    const { reversalId, amountNanos, currency, state } = news;
    if (currency !== order.currency) throw new Failure(billingFailures.payment_mismatch, { field: "currency" });
    return record(deps, order, { ...shared, kind: "dispute", reversalId, amountNanos, state });
  }
  // As they are now, not as the notification says: it may be old. Those that we asked for are known by their names.
  for (const refund of await requireProvider(deps).listRefunds(news.paymentId)) {
    const { refundId, providerRefundId: reversalId, amountNanos } = refund;
    const state = refund.state === "failed" ? "won" : "lost";
    if (refundId !== "") await applyRefundNews(deps, order, refund);
    else await record(deps, order, { ...shared, kind: "refund", reversalId, amountNanos, state });
  }
}

/** The order of a payment. Where its own notification has not come yet, the provider is asked, and the credit made first. */
async function findOrderOf(deps: PaymentDeps, paymentId: string): Promise<Order | undefined> {
  const provider = requireProvider(deps);
  const known = await deps.orders.findOrderByPayment(provider.name, paymentId);
  if (known?.state === "paid") return known;
  const checkout = await provider.findCheckoutOfPayment(paymentId);
  if (!checkout || checkout.orderId === "") return undefined;
  await applyCheckout(deps, checkout);
  const order = await getOrder(deps, { orderId: checkout.orderId });
  return order.state === "paid" ? order : undefined;
}

async function record(deps: PaymentDeps, order: Order, reversal: Reversal): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const [wallet] = await deps.journal.lockWallets(tx, [order.tenantId], order.currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    if (await deps.refunds.insertReversal(tx, reversal)) {
      // Won, or failed, before we heard that it was opened: nothing was taken, so nothing comes back.
      if (reversal.state !== "won") await takeBack(tx, deps, wallet, order, reversal);
    } else if ((await deps.refunds.closeReversal(tx, reversal, reversal.state)) && reversal.state === "won") {
      await giveBack(tx, deps, wallet, order, reversal);
    }
  });
  if (reversal.state === "won") deps.ledger.wake(order.tenantId);
}

async function takeBack(
  tx: Tx,
  deps: PaymentDeps,
  wallet: LockedWallet,
  order: Order,
  reversal: Reversal,
): Promise<void> {
  const { reversalId, amountNanos } = reversal;
  const to = accounts.paidBy(order.provider);
  const { entries, takenNanos, owedNanos } = reversalEntries(wallet, to, amountNanos);
  const cause = { kind: "charge_back", reference: `${order.provider}/${reversalId}` } as const;
  const { currency, walletId } = wallet;
  await deps.journal.post(tx, [wallet], [{ ...cause, postingId: deps.random.id("pst"), currency, entries }]);
  await fitGrants(tx, deps, walletId);
  await deps.outbox.append(tx, chargeBackRecorded, { ...factsOf(order, reversal), takenNanos, owedNanos });
}

async function giveBack(
  tx: Tx,
  deps: PaymentDeps,
  wallet: LockedWallet,
  order: Order,
  reversal: Reversal,
): Promise<void> {
  const debtNanos = await readDebt(tx, deps, wallet);
  const entries = creditEntries(accounts.paidBy(order.provider), wallet, reversal.amountNanos, debtNanos);
  const cause = { kind: "charge_back_won", reference: `${order.provider}/${reversal.reversalId}` } as const;
  const { currency } = wallet;
  await deps.journal.post(tx, [wallet], [{ ...cause, postingId: deps.random.id("pst"), currency, entries }]);
  await deps.outbox.append(tx, chargeBackRecorded, factsOf(order, reversal));
}

function factsOf({ orderId, tenantId, walletId, currency }: Order, { reversalId, amountNanos, state }: Reversal) {
  return { reversalId, orderId, tenantId, walletId, currency, amountNanos, isWon: state === "won" };
}

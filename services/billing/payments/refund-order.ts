import { refundCompleted, refundFailed } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { Cause } from "../credit-deps.ts";
import { creditEntries } from "../debts/debt-entries.ts";
import { readDebt } from "../debts/debts.ts";
import { splitBalance } from "../grants/grant-model.ts";
import { readGrants } from "../grants/grants.ts";
import { accounts } from "../journal/accounts.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { move, type Posting } from "../journal/posting.ts";
import { atMost, formatNanos } from "../model.ts";
import { ownNanos, takableNanos } from "../overdraft/overdraft.ts";
import { getOrder } from "./list-orders.ts";
import { type PaymentDeps, requireProvider } from "./payment-deps.ts";
import type { Order } from "./payment-model.ts";
import type { ProviderRefund } from "./payment-provider.ts";
import { canBecome, type PaymentRefund } from "./refund-model.ts";

export interface RefundOrderInput extends Cause {
  readonly orderId: string;
  /** Undefined for all that was not returned yet. */
  readonly amountNanos: bigint | undefined;
}

const firstTryMs = 60_000;
const centNanos = 10_000_000n;
const maxPerRun = 50;

/**
 * Sends money of a paid order back to whoever paid, at most what of it was not returned yet, and at most what the wallet has
 * available beside granted credit. It leaves the wallet first; then the provider is asked, and where the answer is lost it is
 * asked again until it is known. The same reference does it once. Throws `order_not_found`, `refund_too_large`,
 * `amount_unavailable`, `payments_not_offered`, and `reference_reused` for another amount.
 */
export async function refundOrder(deps: PaymentDeps, input: RefundOrderInput): Promise<PaymentRefund> {
  requireProvider(deps);
  const order = await getOrder(deps, { orderId: input.orderId });
  const refund = await deps.db.transaction((tx) => setAside(tx, deps, order, input));
  if (refund.state !== "pending") return refund;
  try {
    await resolveRefund(deps, order, refund, false);
  } catch (err) {
    // Not known yet: the money stays aside, and the job asks again.
    if (!isFailure(err, billingFailures.payment_provider_failed)) throw err;
  }
  return deps.refunds.getRefund(refund.refundId);
}

async function setAside(tx: Tx, deps: PaymentDeps, order: Order, input: RefundOrderInput): Promise<PaymentRefund> {
  const { orderId, tenantId, currency } = order;
  const { reference, reason, userId: createdBy } = input;
  const [wallet] = await deps.journal.lockWallets(tx, [tenantId], currency);
  const locked = await deps.orders.lockOrder(tx, orderId);
  if (!wallet || !locked) throw new Failure(billingFailures.order_not_found);
  const known = await deps.refunds.findRefund(tx, orderId, reference);
  if (known) {
    const isOther = input.amountNanos !== undefined && input.amountNanos !== known.amountNanos;
    if (isOther) throw new Failure(billingFailures.reference_reused, { reference });
    return known;
  }
  const leftNanos = locked.state === "paid" ? locked.amountNanos - (await deps.refunds.getReturned(tx, orderId)) : 0n;
  const amountNanos = input.amountNanos ?? leftNanos;
  if (amountNanos <= 0n || amountNanos > leftNanos || amountNanos % centNanos !== 0n) {
    throw new Failure(billingFailures.refund_too_large, { maximum: formatNanos(leftNanos), currency });
  }
  await requireLasting(tx, deps, wallet, amountNanos);
  const createdAt = new Date(deps.clock.nowMs());
  const names = { refundId: deps.random.id("prf"), orderId, tenantId, reference, reason, createdBy, currency };
  const refund = { ...names, amountNanos, state: "pending", createdAt, endedAt: null } as const;
  await deps.refunds.insertRefund(tx, refund, new Date(createdAt.getTime() + firstTryMs));
  const entries = move(accounts.wallet(wallet.walletId), accounts.refunds, amountNanos);
  await deps.journal.post(tx, [wallet], [postingOf(deps, refund, "payment_refund", entries)]);
  return refund;
}

/** Granted credit is not paid out. */
async function requireLasting(tx: Tx, deps: PaymentDeps, wallet: LockedWallet, amountNanos: bigint): Promise<void> {
  const { lastingNanos } = splitBalance(ownNanos(wallet), await readGrants(tx, deps, wallet.walletId));
  const available = takableNanos(wallet);
  const limit = atMost(lastingNanos, available);
  if (amountNanos <= limit) return;
  const details = { requested: formatNanos(amountNanos), available: formatNanos(limit), currency: wallet.currency };
  throw new Failure(billingFailures.amount_unavailable, details);
}

/** Asks the provider and ends the refund by what it says. `isRetry`: it may have happened, so look first. */
async function resolveRefund(deps: PaymentDeps, order: Order, refund: PaymentRefund, isRetry: boolean): Promise<void> {
  const provider = requireProvider(deps);
  const paymentId = order.paymentId ?? "";
  const { refundId, amountNanos, currency } = refund;
  const made = isRetry ? (await provider.listRefunds(paymentId)).find((it) => it.refundId === refundId) : undefined;
  let state: ProviderRefund["state"];
  try {
    state = (made ?? (await provider.refund({ refundId, paymentId, amountNanos, currency }))).state;
  } catch (err) {
    if (!isFailure(err, billingFailures.payment_refused)) throw err;
    state = "failed";
  }
  if (state !== "pending") await deps.db.transaction((tx) => endRefund(tx, deps, refund, state));
  if (state === "failed") deps.ledger.wake(refund.tenantId);
}

/**
 * Takes what the provider says of a refund that we asked for, whoever has asked it: a bank may turn one down days after it was said to
 * be paid. Then the money comes back to the wallet, once. A refund of another order, or one that is not ours, changes nothing.
 */
export async function applyRefundNews(deps: PaymentDeps, order: Order, news: ProviderRefund): Promise<void> {
  const { refundId, state } = news;
  if (state === "pending") return;
  const refund = await deps.refunds.findRefundById(refundId);
  if (refund?.orderId !== order.orderId || refund.amountNanos !== news.amountNanos) return;
  await deps.db.transaction((tx) => endRefund(tx, deps, refund, state));
  if (state === "failed") deps.ledger.wake(refund.tenantId);
}

async function endRefund(tx: Tx, deps: PaymentDeps, refund: PaymentRefund, state: "paid" | "failed"): Promise<void> {
  const { refundId, orderId, tenantId, currency, amountNanos, reason } = refund;
  const [wallet] = await deps.journal.lockWallets(tx, [tenantId], currency);
  const locked = await deps.refunds.lockRefund(tx, refundId);
  if (!wallet || !locked || !canBecome(locked.state, state)) return;
  await deps.refunds.endRefund(tx, refundId, state, new Date(deps.clock.nowMs()));
  const { walletId } = wallet;
  const facts = { refundId, orderId, tenantId, walletId, currency, amountNanos, reason };
  const paidBy = accounts.paidBy((await getOrder(deps, { orderId })).provider);
  if (state === "paid") {
    const entries = move(accounts.refunds, paidBy, amountNanos);
    // The money left the wallet when it was set aside.
    await deps.journal.post(tx, [], [postingOf(deps, refund, "payment_refund_paid", entries)]);
    await deps.outbox.append(tx, refundCompleted, facts);
  } else {
    const from = locked.state === "paid" ? paidBy : accounts.refunds;
    const entries = creditEntries(from, wallet, amountNanos, await readDebt(tx, deps, wallet));
    await deps.journal.post(tx, [wallet], [postingOf(deps, refund, "payment_refund_failed", entries)]);
    await deps.outbox.append(tx, refundFailed, facts);
  }
}

function postingOf(
  { random }: PaymentDeps,
  { refundId, currency }: PaymentRefund,
  kind: Posting["kind"],
  entries: Posting["entries"],
): Posting {
  return { postingId: random.id("pst"), kind, reference: refundId, currency, entries };
}

/** Asks the provider again about refunds whose answer was lost or is not final. Safe to run on several nodes. */
export async function retryRefunds(deps: PaymentDeps, signal: AbortSignal): Promise<void> {
  if (!deps.provider) return;
  const now = new Date(deps.clock.nowMs());
  const due = await deps.db.transaction((tx) => deps.refunds.takeDueRefunds(tx, now, maxPerRun));
  for (const refund of due) {
    if (signal.aborted) return;
    try {
      await resolveRefund(deps, await getOrder(deps, { orderId: refund.orderId }), refund, true);
    } catch (err) {
      deps.log.warn({ err, refund_id: refund.refundId }, "a refund could not be resolved yet");
    }
  }
}

import { refundCompleted, walletAdjusted } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { atLeast } from "@lyss/contracts/pricing/at-most.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Cause, CreditDeps } from "../credit-deps.ts";
import { creditEntries } from "../debts/debt-entries.ts";
import { readDebt } from "../debts/debts.ts";
import type { GrantStore } from "../grants/grant-store.ts";
import { fitGrants } from "../grants/grants.ts";
import { accounts } from "../journal/accounts.ts";
import { move } from "../journal/posting.ts";
import { formatNanos, nanosPerUnit, type Wallet } from "../model.ts";
import { takableNanos } from "../overdraft/overdraft.ts";
import type { Adjustment, CallReference, CallRefund, CorrectionStore } from "./correction-store.ts";

export interface CorrectionDeps extends CreditDeps {
  readonly corrections: CorrectionStore;
  readonly grants: GrantStore;
}

export interface AdjustWalletInput extends Cause {
  readonly tenantId: string;
  /** Negative for what is taken out. */
  readonly amountNanos: bigint;
}

export interface RefundCallInput extends Cause {
  readonly callId: string;
  /** Undefined for all that the call has cost and that was not given back yet. */
  readonly amountNanos: bigint | undefined;
}

/** Of a call; further ones are in the journal. */
const maxRefunds = 100;
const maxAdjustmentNanos = 1_000_000n * nanosPerUnit;

/** What operators put right by hand, each as a posting of its own. */
export function createCorrections(deps: CorrectionDeps) {
  return {
    adjustWallet: (input: AdjustWalletInput) => adjustWallet(deps, input),
    refundCall: (input: RefundCallInput) => refundCall(deps, input),
    /** What was given back for a call, the earliest first. */
    listCallRefunds: (call: CallReference) => deps.corrections.listCallRefunds(deps.db.sql, call, maxRefunds),
  };
}

export type Corrections = ReturnType<typeof createCorrections>;

/**
 * Puts money into a wallet or takes it out, at most what is available. The same reference does it once. Throws
 * `amount_out_of_range`, `wallet_not_found`, `amount_unavailable`, and `reference_reused` for another amount.
 */
async function adjustWallet(
  deps: CorrectionDeps,
  input: AdjustWalletInput,
): Promise<{ readonly wallet: Wallet; readonly adjustment: Adjustment }> {
  const { journal, corrections, random, currency } = deps;
  const { tenantId, amountNanos, reference, reason, userId: createdBy } = input;
  const sizeNanos = amountNanos < 0n ? -amountNanos : amountNanos;
  if (sizeNanos === 0n || sizeNanos > maxAdjustmentNanos) {
    const bounds = { minimum: formatNanos(1n), maximum: formatNanos(maxAdjustmentNanos), currency };
    throw new Failure(billingFailures.amount_out_of_range, bounds);
  }
  const result = await deps.db.transaction(async (tx) => {
    const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const { walletId } = wallet;
    const known = await corrections.findAdjustment(tx, walletId, reference);
    if (known) {
      if (known.amountNanos !== amountNanos) throw new Failure(billingFailures.reference_reused, { reference });
      return { wallet, adjustment: known };
    }
    const available = atLeast(takableNanos(wallet), 0n);
    if (-amountNanos > available) {
      const details = { requested: formatNanos(sizeNanos), available: formatNanos(available), currency };
      throw new Failure(billingFailures.amount_unavailable, details);
    }
    const names = { adjustmentId: random.id("adj"), walletId, tenantId, reference, reason, createdBy };
    const adjustment = { ...names, amountNanos, createdAt: new Date(deps.clock.nowMs()) };
    await corrections.insertAdjustment(tx, adjustment);
    const own = accounts.wallet(walletId);
    const entries =
      amountNanos > 0n
        ? creditEntries(accounts.adjustments, wallet, sizeNanos, await readDebt(tx, deps, wallet))
        : move(own, accounts.adjustments, sizeNanos);
    const cause = { kind: "adjustment", reference: names.adjustmentId } as const;
    const [adjusted = wallet] = await journal.post(
      tx,
      [wallet],
      [{ ...cause, postingId: random.id("pst"), currency, entries }],
    );
    if (amountNanos < 0n) await fitGrants(tx, deps, walletId);
    const facts = { adjustmentId: names.adjustmentId, tenantId, walletId, currency, amountNanos, reason };
    await deps.outbox.append(tx, walletAdjusted, facts);
    return { wallet: adjusted, adjustment };
  });
  deps.ledger.wake(tenantId);
  return result;
}

/**
 * Gives back what a call has cost, or a part of it; never more than it cost, over all refunds. It comes back as money that does
 * not end, whatever paid for the call. The same reference does it once. Throws `call_not_found`, `refund_too_large`, and
 * `reference_reused` for another amount.
 */
async function refundCall(deps: CorrectionDeps, input: RefundCallInput): Promise<CallRefund> {
  const { journal, corrections, random, currency } = deps;
  const { callId, reference, reason, userId: createdBy } = input;
  const refund = await deps.db.transaction(async (tx) => {
    const tenantId = await corrections.findCallTenant(tx, callId);
    if (tenantId === undefined) throw new Failure(billingFailures.call_not_found);
    const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
    // Read again under the lock: what is refunded meanwhile counts.
    const cost = await corrections.getCallCost(tx, callId);
    if (!wallet || cost?.walletId !== wallet.walletId) throw new Failure(billingFailures.call_not_found);
    const leftNanos = cost.costNanos - cost.refundedNanos;
    const known = await corrections.findCallRefund(tx, callId, reference);
    if (known) {
      const isOther = input.amountNanos !== undefined && input.amountNanos !== known.amountNanos;
      if (isOther) throw new Failure(billingFailures.reference_reused, { reference });
      return known;
    }
    const amountNanos = input.amountNanos ?? leftNanos;
    if (amountNanos <= 0n || amountNanos > leftNanos) {
      throw new Failure(billingFailures.refund_too_large, { maximum: formatNanos(leftNanos), currency });
    }
    const { walletId } = wallet;
    const names = {
      refundId: random.id("rfd"),
      callId,
      tenantId: wallet.tenantId,
      walletId,
      reference,
      reason,
      createdBy,
    };
    const created = { ...names, amountNanos, createdAt: new Date(deps.clock.nowMs()) };
    await corrections.insertCallRefund(tx, created);
    const entries = creditEntries(accounts.revenue, wallet, amountNanos, await readDebt(tx, deps, wallet));
    const cause = { kind: "refund", reference: created.refundId } as const;
    await journal.post(tx, [wallet], [{ ...cause, postingId: random.id("pst"), currency, entries }]);
    const facts = { refundId: created.refundId, tenantId: wallet.tenantId, walletId, currency, amountNanos, reason };
    await deps.outbox.append(tx, refundCompleted, { ...facts, callId });
    return created;
  });
  deps.ledger.wake(refund.tenantId);
  return refund;
}

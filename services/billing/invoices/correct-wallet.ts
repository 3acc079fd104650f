import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { atLeast } from "@lyss/contracts/pricing/at-most.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { accounts } from "../journal/accounts.ts";
import type { Journal } from "../journal/journal.ts";
import { move } from "../journal/posting.ts";
import type { Ledger } from "../ledger.ts";
import { atMost, formatNanos, nanosPerUnit, type Wallet } from "../model.ts";
import { type CreditedWallet, takableNanos } from "../overdraft/overdraft.ts";
import type { InvoiceStore } from "./invoice-store.ts";

export interface CorrectionDeps {
  readonly db: Database;
  readonly journal: Journal;
  readonly invoices: InvoiceStore;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly currency: string;
}

export interface CorrectWalletInput {
  readonly tenantId: string;
  /** Given to the tenant; taken when negative. */
  readonly amountNanos: bigint;
  /** Names this correction among the tenant's. */
  readonly reference: string;
  /** A moment in the period that is put right. */
  readonly aboutAt: Date;
  readonly note: string;
}

const maxCorrectionNanos = 1_000_000n * nanosPerUnit;

/**
 * Puts right what an earlier period got wrong: money given or taken now, in the open period, which the next invoice shows
 * with the period that it is about. A repeat with the same reference changes nothing. No more is taken than is available.
 * Throws `wallet_not_found`, `amount_out_of_range`, and `reference_reused` when the reference names another amount.
 */
export async function correctWallet(
  { db, journal, invoices, ledger, random, currency }: CorrectionDeps,
  { tenantId, amountNanos, reference, aboutAt, note }: CorrectWalletInput,
): Promise<{ wallet: Wallet; isNew: boolean }> {
  const result = await db.transaction(async (tx) => {
    const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const account = accounts.wallet(wallet.walletId);
    const cause = { kind: "correction", reference: `${wallet.walletId}/${reference}` } as const;
    const known = await journal.findPosting(tx, cause);
    if (known) {
      const posted = known.entries.find((entry) => entry.account === account)?.amountNanos;
      if (posted !== amountNanos) throw new Failure(billingFailures.reference_reused, { reference });
      return { wallet, isNew: false };
    }
    checkAmount(wallet, amountNanos);
    const entries = move(accounts.corrections, account, amountNanos);
    const posting = { ...cause, postingId: random.id("pst"), currency, entries };
    const [corrected = wallet] = await journal.post(tx, [wallet], [posting]);
    await invoices.insertSubject(tx, posting.postingId, aboutAt, note);
    return { wallet: corrected, isNew: true };
  });
  ledger.wake(tenantId);
  return result;
}

function checkAmount(wallet: CreditedWallet, amountNanos: bigint): void {
  const takable = atMost(atLeast(takableNanos(wallet), 0n), maxCorrectionNanos);
  if (amountNanos !== 0n && amountNanos <= maxCorrectionNanos && amountNanos >= -takable) return;
  throw new Failure(billingFailures.amount_out_of_range, {
    ...{ minimum: formatNanos(-takable), maximum: formatNanos(maxCorrectionNanos), currency: wallet.currency },
  });
}

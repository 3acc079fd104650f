import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { creditEntries } from "../debts/debt-entries.ts";
import { readDebt } from "../debts/debts.ts";
import type { BillingDeps } from "../deps.ts";
import { accounts } from "../journal/accounts.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { formatNanos, nanosPerUnit } from "../model.ts";

const maxTopUpNanos = 1_000_000n * nanosPerUnit;

export interface TopUpWalletInput {
  readonly tenantId: string;
  readonly amountNanos: bigint;
  readonly reference: string;
  readonly source: "grant" | "manual";
}

/**
 * Credits a wallet, once per tenant and reference. Throws `amount_out_of_range`, `wallet_not_found`, and
 * `reference_reused` when the reference was used for another amount.
 */
export async function topUpWallet(
  deps: BillingDeps,
  input: TopUpWalletInput,
): Promise<{ wallet: LockedWallet; isNew: boolean }> {
  const { idempotency, journal, random, currency, ledger } = deps;
  const { tenantId, amountNanos, reference, source } = input;
  if (amountNanos <= 0n || amountNanos > maxTopUpNanos) {
    const bounds = { minimum: formatNanos(1n), maximum: formatNanos(maxTopUpNanos), currency };
    throw new Failure(billingFailures.amount_out_of_range, bounds);
  }
  const result = await idempotency.run({ operation: "topUpWallet", scope: tenantId, input }, async (tx) => {
    const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const names = { kind: "top_up", reference: `${wallet.walletId}/${reference}` } as const;
    const posted = await journal.findPosting(tx, names);
    if (posted) {
      const given = posted.entries.find((entry) => entry.amountNanos < 0n)?.amountNanos;
      if (given !== -amountNanos) throw new Failure(billingFailures.reference_reused, { reference });
      return { wallet, isNew: false };
    }
    const from = source === "grant" ? accounts.grants : accounts.manual;
    const entries = creditEntries(from, wallet, amountNanos, await readDebt(tx, deps, wallet));
    const posting = { ...names, postingId: random.id("pst"), currency, entries };
    const [credited = wallet] = await journal.post(tx, [wallet], [posting]);
    return { wallet: credited, isNew: true };
  });
  ledger.wake(tenantId);
  return result;
}

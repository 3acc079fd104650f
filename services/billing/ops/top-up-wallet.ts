import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "../deps.ts";
import { formatNanos, nanosPerUnit, type Wallet } from "../model.ts";

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
  { idempotency, store, random, currency, ledger }: BillingDeps,
  input: TopUpWalletInput,
): Promise<{ wallet: Wallet; isNew: boolean }> {
  const { tenantId, amountNanos, reference, source } = input;
  if (amountNanos <= 0n || amountNanos > maxTopUpNanos) {
    const bounds = { minimum: formatNanos(1n), maximum: formatNanos(maxTopUpNanos), currency };
    throw new Failure(billingFailures.amount_out_of_range, bounds);
  }
  const result = await idempotency.run({ operation: "topUpWallet", scope: tenantId, input }, async (tx) => {
    const [wallet] = await store.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const account = `wallet:${wallet.walletId}`;
    const postingReference = `${wallet.walletId}/${reference}`;
    const posted = await store.findTopUp(tx, postingReference);
    if (posted) {
      if (posted.amountNanos !== amountNanos) throw new Failure(billingFailures.reference_reused, { reference });
      return { wallet, isNew: false };
    }
    const credited = { ...wallet, balanceNanos: wallet.balanceNanos + amountNanos };
    const names = { postingId: random.id("pst"), kind: "top_up", reference: postingReference, currency } as const;
    await store.insertPostings(tx, [{ ...names, from: `funding:${source}`, to: account, amountNanos }]);
    await store.updateWallets(tx, [credited]);
    return { wallet: credited, isNew: true };
  });
  ledger.wake(tenantId);
  return result;
}

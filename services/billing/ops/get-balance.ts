import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "../deps.ts";
import type { CreditedWallet } from "../overdraft/overdraft.ts";

/** The tenant's wallet as it is committed. Throws `wallet_not_found`. */
export async function getBalance(
  { store, currency }: BillingDeps,
  { tenantId }: { tenantId: string },
): Promise<CreditedWallet> {
  const wallet = await store.findWallet(tenantId, currency);
  if (!wallet) throw new Failure(billingFailures.wallet_not_found);
  return wallet;
}

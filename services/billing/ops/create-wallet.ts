import type { BillingDeps } from "../deps.ts";
import type { Wallet } from "../model.ts";
import { getBalance } from "./get-balance.ts";

/** Creates the tenant's wallet, or returns the one it has. A repeat is safe. */
export async function createWallet(deps: BillingDeps, { tenantId }: { tenantId: string }): Promise<Wallet> {
  const wallet = { walletId: deps.random.id("wal"), tenantId, currency: deps.currency };
  await deps.db.transaction((tx) => deps.store.createWallet(tx, wallet));
  return getBalance(deps, { tenantId });
}

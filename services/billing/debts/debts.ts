import type { Tx } from "@lyss/kit/db/database.ts";
import type { CreditDeps } from "../credit-deps.ts";
import type { GrantStore } from "../grants/grant-store.ts";
import { fitGrants } from "../grants/grants.ts";
import { accounts, debtPrefix } from "../journal/accounts.ts";
import { move } from "../journal/posting.ts";
import { atMost, type Wallet } from "../model.ts";
import { takableNanos } from "../overdraft/overdraft.ts";
import type { DebtStore } from "./debt-store.ts";

export interface DebtDeps extends CreditDeps {
  readonly debts: DebtStore;
  readonly grants: GrantStore;
}

const maxPerRun = 100;

/** What the wallet's tenant owes. The caller holds the wallet's lock. */
export async function readDebt(
  tx: Tx,
  { debts }: Pick<DebtDeps, "debts">,
  { walletId }: Pick<Wallet, "walletId">,
): Promise<bigint> {
  return -(await debts.sumAccount(tx, accounts.debt(walletId)));
}

/**
 * Pays debts out of what has become available since: money that calls held when it was taken back. Safe to run on several
 * nodes.
 */
export async function collectDebts(deps: DebtDeps, signal: AbortSignal): Promise<void> {
  for (const { tenantId } of await deps.debts.listDebtors(debtPrefix, maxPerRun)) {
    if (signal.aborted) return;
    await deps.db.transaction(async (tx) => {
      const [wallet] = await deps.journal.lockWallets(tx, [tenantId], deps.currency);
      if (!wallet) return;
      const [debtNanos, available] = [await readDebt(tx, deps, wallet), takableNanos(wallet)];
      const amountNanos = atMost(debtNanos, available);
      if (amountNanos <= 0n) return;
      const { walletId, currency } = wallet;
      const postingId = deps.random.id("pst");
      const entries = move(accounts.wallet(walletId), accounts.debt(walletId), amountNanos);
      await deps.journal.post(tx, [wallet], [{ postingId, kind: "debt", reference: postingId, currency, entries }]);
      await fitGrants(tx, deps, walletId);
    });
  }
}

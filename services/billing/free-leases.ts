import type { Tx } from "@lyss/kit/db/database.ts";
import { ofMoney } from "./budgets/model.ts";
import type { BillingDeps } from "./deps.ts";
import type { EndedLease, LeaseName } from "./lease-store.ts";

/**
 * Ends leases and gives each wallet, and each budget, back what they held, a transaction per tenant. `deleteLeases` deletes those of the ids
 * that are still to end. Gives them, and wakes the calls that wait for the money.
 */
export async function freeLeases(
  { db, journal, ledger, budgets, currency }: Pick<BillingDeps, "db" | "journal" | "ledger" | "budgets" | "currency">,
  leases: readonly LeaseName[],
  deleteLeases: (tx: Tx, leaseIds: readonly string[]) => Promise<readonly EndedLease[]>,
): Promise<readonly EndedLease[]> {
  const freed: EndedLease[] = [];
  for (const [tenantId, ofTenant] of Map.groupBy(leases, (lease) => lease.tenantId)) {
    const { gone: ended, isFreed } = await db.transaction(async (tx) => {
      const [[wallet], budgetedTenantIds] = await Promise.all([
        journal.lockWallets(tx, [tenantId], currency),
        budgets.listBudgetedTenants(tx, [tenantId]),
      ]);
      const gone = await deleteLeases(
        tx,
        ofTenant.map(({ leaseId }) => leaseId),
      );
      const amountNanos = gone.reduce((sum, lease) => sum + lease.amountNanos, 0n);
      if (wallet && amountNanos > 0n) {
        const after = { ...wallet, heldNanos: wallet.heldNanos - amountNanos };
        await journal.write(tx, { before: [wallet], after: [after], postings: [] });
      }
      const holderIds = gone.map(({ leaseId }) => leaseId);
      const book = await budgets.openBook(tx, { budgetedTenantIds, calls: [], holderIds });
      for (const leaseId of holderIds) book.settle(leaseId, ofMoney(0n));
      await budgets.writeBook(tx, book);
      return { gone, isFreed: amountNanos > 0n || book.changes.freedBudgetIds.size > 0 };
    });
    freed.push(...ended);
    if (isFreed) ledger.wake(tenantId);
  }
  return freed;
}

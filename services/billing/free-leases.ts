import type { Tx } from "@lyss/kit/db/database.ts";
import type { BillingDeps } from "./deps.ts";
import type { EndedLease, LeaseName } from "./lease-store.ts";

/**
 * Ends leases and gives each wallet back what they held, a transaction per tenant. `deleteLeases` deletes those of the ids
 * that are still to end. Gives them, and wakes the calls that wait for the money.
 */
export async function freeLeases(
  { db, journal, ledger, currency }: Pick<BillingDeps, "db" | "journal" | "ledger" | "currency">,
  leases: readonly LeaseName[],
  deleteLeases: (tx: Tx, leaseIds: readonly string[]) => Promise<readonly EndedLease[]>,
): Promise<readonly EndedLease[]> {
  const freed: EndedLease[] = [];
  for (const [tenantId, ofTenant] of Map.groupBy(leases, (lease) => lease.tenantId)) {
    const ended = await db.transaction(async (tx) => {
      const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
      const gone = await deleteLeases(
        tx,
        ofTenant.map(({ leaseId }) => leaseId),
      );
      const amountNanos = gone.reduce((sum, lease) => sum + lease.amountNanos, 0n);
      if (wallet && amountNanos > 0n) {
        const after = { ...wallet, heldNanos: wallet.heldNanos - amountNanos };
        await journal.write(tx, { before: [wallet], after: [after], postings: [] });
      }
      return gone;
    });
    freed.push(...ended);
    if (ended.some(({ amountNanos }) => amountNanos > 0n)) ledger.wake(tenantId);
  }
  return freed;
}

import type { BillingDeps } from "../deps.ts";

const maxPerRun = 1_000;

/**
 * Frees what the leases of nodes hold that have not been heard of for twice a lease's time: the wallets get it back. What
 * such a node posts later is charged all the same, once, from what its wallet then has. Safe to run on several nodes.
 */
export async function expireLeases({
  db,
  journal,
  leases,
  ledger,
  currency,
  leaseTtlMs,
  log,
}: BillingDeps): Promise<void> {
  const expired = await leases.listExpiredLeases(leaseTtlMs, maxPerRun);
  const byTenant = Map.groupBy(expired, ({ tenantId }) => tenantId);
  for (const [tenantId, ofTenant] of byTenant) {
    const freed = await db.transaction(async (tx) => {
      const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
      const ids = ofTenant.map(({ leaseId }) => leaseId);
      const gone = await leases.deleteExpiredLeases(tx, ids, leaseTtlMs);
      const amountNanos = gone.reduce((sum, lease) => sum + lease.amountNanos, 0n);
      if (wallet && amountNanos > 0n) {
        const freed = { ...wallet, heldNanos: wallet.heldNanos - amountNanos };
        await journal.write(tx, { before: [wallet], after: [freed], postings: [] });
      }
      return gone.filter((lease) => lease.amountNanos > 0n);
    });
    for (const { leaseId, nodeId, amountNanos } of freed) {
      log.warn({ lease_id: leaseId, node: nodeId, nanos: String(amountNanos) }, "a lease expired with money in it");
    }
    if (freed.length > 0) ledger.wake(tenantId);
  }
}

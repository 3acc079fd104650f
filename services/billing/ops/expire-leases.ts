import type { BillingDeps } from "../deps.ts";
import { freeLeases } from "../free-leases.ts";

const maxPerRun = 1_000;

/**
 * Frees what the leases of nodes hold that have not been heard of for twice a lease's time: the wallets get it back. What
 * such a node posts later is charged all the same, once, from what its wallet then has. Safe to run on several nodes.
 */
export async function expireLeases(deps: BillingDeps): Promise<void> {
  const { leases, leaseTtlMs, log } = deps;
  const expired = await leases.listExpiredLeases(leaseTtlMs, maxPerRun);
  const freed = await freeLeases(deps, expired, (tx, ids) => leases.deleteExpiredLeases(tx, ids, leaseTtlMs));
  for (const { leaseId, nodeId, amountNanos } of freed) {
    if (amountNanos === 0n) continue;
    log.warn({ lease_id: leaseId, node: nodeId, nanos: String(amountNanos) }, "a lease expired with money in it");
  }
}

import type { BillingDeps } from "../deps.ts";
import { freeLeases } from "../free-leases.ts";

export interface CloseLeasesInput {
  readonly nodeId: string;
  readonly leaseIds: readonly string[];
}

/**
 * Frees what a dead node's leases hold, for whoever took up its spool and has posted what was in it: its tenants need not
 * wait until the leases expire. Gives what came back in nanos. A lease that is another node's, or no more, is left out, so a
 * repeat is safe.
 */
export async function closeLeases(deps: BillingDeps, { nodeId, leaseIds }: CloseLeasesInput): Promise<bigint> {
  const found = await deps.leases.listLeasesOf(nodeId, leaseIds);
  const freed = await freeLeases(deps, found, (tx, ids) => deps.leases.deleteLeasesOf(tx, nodeId, ids));
  return freed.reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
}

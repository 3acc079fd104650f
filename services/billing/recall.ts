import { moneyRecalled } from "@lyss/contracts/events/billing.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Logger } from "pino";
import type { LeaseStore } from "./lease-store.ts";

/**
 * Asks the nodes to give back what they hold of a tenant's money, or of a budget, when a call waits for it and they hold
 * some. A call that waits looks again anyway, so a recall that fails costs time and nothing else.
 */
export function createRecall(deps: {
  readonly db: Database;
  readonly leases: LeaseStore;
  readonly outbox: Outbox;
  readonly log: Logger;
}): (tenantId: string, budgetId?: string) => void {
  const { db, leases, outbox, log } = deps;
  const underWay = new Set<string>();

  async function recall(tenantId: string, budgetId: string | undefined): Promise<void> {
    const isLeased = await (budgetId === undefined ? leases.hasLeasedMoney(tenantId) : leases.hasLeasedShare(budgetId));
    if (isLeased)
      await db.transaction((tx) => outbox.append(tx, moneyRecalled, { tenantId, budgetId: budgetId ?? "" }));
  }

  return (tenantId, budgetId) => {
    const name = budgetId ?? tenantId;
    if (underWay.has(name)) return;
    underWay.add(name);
    recall(tenantId, budgetId)
      .catch((err: unknown) => log.warn({ err, tenant_id: tenantId }, "leased money could not be recalled"))
      .finally(() => underWay.delete(name));
  };
}

import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createCache } from "@lyss/kit/cache/cache.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Registry } from "prom-client";

/** Who makes a call. */
export interface CallPath {
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
}

/** Whose calls must fit into budgets: those are not paid from the tenant's lease, and each reserves for itself. */
export interface BudgetPaths {
  /** At once when it is known. Rejects when it is not and billing cannot be asked. */
  isBudgeted(path: CallPath): boolean | Promise<boolean>;
  /** Asks anew for every call of the tenant. */
  forget(tenantId: string): void;
  forgetAll(): void;
}

/** A budget is heard of after this, should its event be lost. */
const maxAgeMs = 60_000;
const maxEntries = 100_000;

export function createBudgetPaths(
  billing: Client<typeof BillingService>,
  { clock, random, metrics }: { readonly clock: Clock; readonly random: Random; readonly metrics: Registry },
): BudgetPaths {
  const known = createCache<boolean>({
    name: "ai-gateway.budget-path",
    ...{ clock, random, metrics, maxEntries, ttlMs: maxAgeMs },
    // While billing is away nobody sets a budget either.
    graceMs: maxAgeMs,
  });

  return {
    isBudgeted({ tenantId, userId, keyId }) {
      const load = async () => (await billing.checkBudgets({ tenantId, userId, keyId })).hasBudgets;
      const found = known.get(`${tenantId} ${userId} ${keyId}`, load, { tags: [tenantId] });
      return found instanceof Promise ? found.then((isBudgeted) => isBudgeted ?? true) : (found ?? true);
    },
    forget: (tenantId) => void known.forgetTags(tenantId),
    forgetAll: () => void known.forgetAll(),
  };
}

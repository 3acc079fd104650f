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

/** Whose calls draw from one lease: they must fit into the same budgets. Empty where no budget is of the user, or of the key. */
export interface LeasePath extends CallPath {
  /** Tells it from others. */
  readonly name: string;
}

/** Knows which calls must fit into the same budgets. */
export interface BudgetPaths {
  /** At once when it is known. Rejects when it is not and billing cannot be asked. */
  leasePathOf(call: CallPath): LeasePath | Promise<LeasePath>;
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
  const known = createCache<LeasePath>({
    name: "ai-gateway.budget-path",
    ...{ clock, random, metrics, maxEntries, ttlMs: maxAgeMs },
    // While billing is away nobody sets a budget either.
    graceMs: maxAgeMs,
  });

  function find(name: string, { tenantId, userId, keyId }: CallPath): LeasePath | Promise<LeasePath> {
    const load = async () => {
      const { isByUser, isByKey } = await billing.checkBudgets({ tenantId, userId, keyId });
      return toLeasePath({ tenantId, userId: isByUser ? userId : "", keyId: isByKey ? keyId : "" });
    };
    const found = known.get(name, load, { tags: [tenantId] });
    const narrowest = () => toLeasePath({ tenantId, userId, keyId });
    return found instanceof Promise ? found.then((path) => path ?? narrowest()) : (found ?? narrowest());
  }

  return {
    leasePathOf(call) {
      const name = nameOf(call);
      return known.fresh(name) ?? find(name, call);
    },
    forget: (tenantId) => void known.forgetTags(tenantId),
    forgetAll: () => void known.forgetAll(),
  };
}

export function toLeasePath({ tenantId, userId, keyId }: CallPath): LeasePath {
  return { tenantId, userId, keyId, name: nameOf({ tenantId, userId, keyId }) };
}

function nameOf({ tenantId, userId, keyId }: CallPath): string {
  return `${tenantId} ${userId} ${keyId}`;
}

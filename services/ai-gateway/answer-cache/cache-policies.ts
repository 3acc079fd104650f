import { cachePolicyChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { cacheFailures } from "@lyss/contracts/failures/ai-gateway-cache.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { createNewestRead } from "../newest-read.ts";
import type { CachePolicy, CachePolicySpec } from "./cache-policy.ts";
import type { CacheStore } from "./cache-store.ts";

/** Which tenants' calls are answered from the cache without asking for it. */
export interface CachePolicies {
  /** Undefined for a tenant that has said nothing, and for a key that it leaves out. One look-up. */
  find(caller: { readonly tenantId: string; readonly keyId: string }): CachePolicy | undefined;
  /** Throws `cache_policy_not_found`. */
  get(tenantId: string): CachePolicy;
  /**
   * It counts on every node within two seconds. A repeat makes another version of the same. What was kept under another version is still
   * given for the same, where the scope is, but not for what is alike.
   */
  put(policy: CachePolicySpec): Promise<CachePolicy>;
  /** Throws `cache_policy_not_found`. What is kept stays for those who ask for it, until it expires or is purged. */
  remove(tenantId: string): Promise<void>;
  /** Reads all anew. */
  load(): Promise<void>;
}

export interface CachePoliciesDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly store: CacheStore;
}

export function createCachePolicies({ db, outbox, clock, store }: CachePoliciesDeps): CachePolicies {
  let byTenant: ReadonlyMap<string, CachePolicy> = new Map();
  const newest = createNewestRead();

  function get(tenantId: string): CachePolicy {
    const policy = byTenant.get(tenantId);
    if (!policy) throw new Failure(cacheFailures.cache_policy_not_found);
    return policy;
  }

  const load = () =>
    newest(store.listPolicies, (policies) => {
      byTenant = new Map(policies.map((policy) => [policy.tenantId, policy]));
    });

  return {
    find({ tenantId, keyId }) {
      const policy = byTenant.size === 0 ? undefined : byTenant.get(tenantId);
      return policy && (policy.keys.length === 0 || policy.keys.includes(keyId)) ? policy : undefined;
    },
    get,
    async put(policy) {
      const { tenantId } = policy;
      const put = await db.transaction(async (tx) => {
        const current = (await store.lockPolicy(tx, tenantId))?.version ?? 0;
        const changed = { ...policy, version: current + 1, updatedAt: new Date(clock.nowMs()) };
        await store.putPolicy(tx, changed);
        await outbox.append(tx, cachePolicyChanged, { tenantId, actorId: currentActorId() });
        return changed;
      });
      await load();
      return put;
    },
    async remove(tenantId) {
      await db.transaction(async (tx) => {
        if (!(await store.lockPolicy(tx, tenantId))) throw new Failure(cacheFailures.cache_policy_not_found);
        await store.deletePolicy(tx, tenantId);
        await outbox.append(tx, cachePolicyChanged, { tenantId, actorId: currentActorId() });
      });
      await load();
    },
    load,
  };
}

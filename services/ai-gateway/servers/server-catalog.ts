import { createPolicy, type Policy } from "@lyss/kit/resilience/policy.ts";
import { policySchema } from "@lyss/kit/resilience/policy-config.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Server } from "./server.ts";

/** What this node knows of servers of one kind, so that a call of one needs no database. */
export interface ServerCatalog<Known extends Server> {
  /** By name: the tenant's own and the shared ones. */
  list(tenantId: string): readonly Known[];
  find(tenantId: string, name: string): Known | undefined;
  /** How it is called. Two servers never share a breaker or a place. */
  policyOf(server: Known): Policy;
  setShared(servers: readonly Known[]): void;
  /** Replaces every tenant's own; one that has not changed stays the same object. */
  setTenants(servers: readonly Known[]): void;
}

const maxConcurrent = 200;
const maxQueueMs = 5_000;

/** `kind` is what begins the names of their policies. */
export function createServerCatalog<Known extends Server>(
  kind: string,
  deps: { readonly clock: Clock; readonly random: Random },
): ServerCatalog<Known> {
  let shared: readonly Known[] = [];
  let byTenant: ReadonlyMap<string, readonly Known[]> = new Map();
  const policies = new WeakMap<Known, Policy>();

  const listAll = () => [...shared, ...[...byTenant.values()].flat()];
  const find = (tenantId: string, name: string) =>
    shared.find((server) => server.name === name) ?? byTenant.get(tenantId)?.find((server) => server.name === name);

  return {
    list: (tenantId) => [...(byTenant.get(tenantId) ?? []), ...shared].sort((a, b) => (a.name < b.name ? -1 : 1)),
    find,
    policyOf(server) {
      let policy = policies.get(server);
      if (!policy) {
        const { name, tenantId, timeoutMs } = server;
        const bulkhead = { maxConcurrent, maxQueue: maxConcurrent, maxQueueMs };
        const options = policySchema.parse({ timeoutMs, bulkhead, breaker: {} });
        const policyName = tenantId === "" ? `${kind}.${name}` : `${kind}.${name}@${tenantId}`;
        policy = createPolicy(policyName, options, deps);
        policies.set(server, policy);
      }
      return policy;
    },
    setShared(servers) {
      shared = servers;
    },
    setTenants(servers) {
      const known = new Map(listAll().map((server) => [JSON.stringify(server), server]));
      const kept = servers.map((server) => known.get(JSON.stringify(server)) ?? server);
      byTenant = Map.groupBy(kept, ({ tenantId }) => tenantId);
    },
  };
}

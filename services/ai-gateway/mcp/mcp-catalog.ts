import { createPolicy, type Policy } from "@lyss/kit/resilience/policy.ts";
import { policySchema } from "@lyss/kit/resilience/policy-config.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { McpServer } from "./mcp-server.ts";

/** What this node knows of tool servers, so that a call of one needs no database. */
export interface McpCatalog {
  /** By name: the tenant's own and the shared ones. */
  list(tenantId: string): readonly McpServer[];
  find(tenantId: string, name: string): McpServer | undefined;
  /** How it is called. Two servers never share a breaker or a place. */
  policyOf(server: McpServer): Policy;
  setShared(servers: readonly McpServer[]): void;
  /** Replaces every tenant's own; one that has not changed stays the same object. */
  setTenants(servers: readonly McpServer[]): void;
}

const maxConcurrent = 200;
const maxQueueMs = 5_000;

export function createMcpCatalog(deps: { readonly clock: Clock; readonly random: Random }): McpCatalog {
  let shared: readonly McpServer[] = [];
  let byTenant: ReadonlyMap<string, readonly McpServer[]> = new Map();
  const policies = new WeakMap<McpServer, Policy>();

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
        const policyName = tenantId === "" ? `mcp.${name}` : `mcp.${name}@${tenantId}`;
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

import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Agent } from "./agent.ts";

/** The SQL of tenants' agents. One method, one statement. */
export function createAgentStore(sql: Sql) {
  return {
    /** Every tenant's, for the catalog. */
    listAgents(): Promise<Agent[]> {
      return sql<Agent[]>`
        select server_id as "serverId", tenant_id as "tenantId", name, url, 'tenant' as source,
          credential_id as "credentialId", usd_per_call as "usdPerCall", timeout_ms as "timeoutMs",
          created_at as "createdAt"
        from agent order by tenant_id, name`;
    },

    /** Until the end of the transaction nobody else adds one to the tenant. */
    async lockAgents(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.agent ${tenantId}`}, 0))`;
    },

    async countOthers(tx: Tx, { tenantId, name }: Pick<Agent, "tenantId" | "name">): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from agent where tenant_id = ${tenantId} and name <> ${name}`;
      return row?.count ?? 0;
    },

    /** Under its tenant and name; an existing one keeps its id and gets everything else. */
    async putAgent(tx: Tx, agent: Agent): Promise<void> {
      const { serverId, tenantId, name, url, credentialId, usdPerCall, timeoutMs, createdAt } = agent;
      await tx`
        insert into agent (server_id, tenant_id, name, url, credential_id, usd_per_call, timeout_ms, created_at)
        values (${serverId}, ${tenantId}, ${name}, ${url}, ${credentialId}, ${usdPerCall}, ${timeoutMs}, ${createdAt})
        on conflict (tenant_id, name) do update set url = excluded.url, credential_id = excluded.credential_id,
          usd_per_call = excluded.usd_per_call, timeout_ms = excluded.timeout_ms, updated_at = now()`;
    },

    async deleteAgent(tx: Tx, { tenantId, name }: Pick<Agent, "tenantId" | "name">): Promise<void> {
      await tx`delete from agent where tenant_id = ${tenantId} and name = ${name}`;
    },
  };
}

export type AgentStore = ReturnType<typeof createAgentStore>;

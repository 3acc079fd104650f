import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { McpServer } from "./mcp-server.ts";

/** The SQL of tenants' tool servers. One method, one statement. */
export function createMcpServerStore(sql: Sql) {
  return {
    /** Every tenant's, for the catalog. */
    listServers(): Promise<McpServer[]> {
      return sql<McpServer[]>`
        select server_id as "serverId", tenant_id as "tenantId", name, url, 'tenant' as source,
          credential_id as "credentialId", oauth, allowed_tools as "allowedTools", usd_per_call as "usdPerCall",
          usd_per_call_by_tool as "usdPerCallByTool", timeout_ms as "timeoutMs", created_at as "createdAt"
        from mcp_server order by tenant_id, name`;
    },

    /** Until the end of the transaction nobody else adds one to the tenant. */
    async lockServers(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.mcp_server ${tenantId}`}, 0))`;
    },

    async countOthers(tx: Tx, { tenantId, name }: Pick<McpServer, "tenantId" | "name">): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from mcp_server where tenant_id = ${tenantId} and name <> ${name}`;
      return row?.count ?? 0;
    },

    /** Under its tenant and name; an existing one keeps its id and gets everything else. */
    async putServer(tx: Tx, server: McpServer): Promise<void> {
      const { serverId, tenantId, name, url, credentialId, usdPerCall, timeoutMs, createdAt } = server;
      await tx`
        insert into mcp_server (server_id, tenant_id, name, url, credential_id, oauth, allowed_tools, usd_per_call,
          usd_per_call_by_tool, timeout_ms, created_at)
        values (${serverId}, ${tenantId}, ${name}, ${url}, ${credentialId},
          ${server.oauth && JSON.stringify(server.oauth)}::text::jsonb, ${JSON.stringify(server.allowedTools)}::text::jsonb, ${usdPerCall},
          ${JSON.stringify(server.usdPerCallByTool)}::text::jsonb, ${timeoutMs}, ${createdAt})
        on conflict (tenant_id, name) do update set url = excluded.url, credential_id = excluded.credential_id,
          oauth = excluded.oauth, allowed_tools = excluded.allowed_tools, usd_per_call = excluded.usd_per_call,
          usd_per_call_by_tool = excluded.usd_per_call_by_tool, timeout_ms = excluded.timeout_ms, updated_at = now()`;
    },

    async deleteServer(tx: Tx, { tenantId, name }: Pick<McpServer, "tenantId" | "name">): Promise<void> {
      await tx`delete from mcp_server where tenant_id = ${tenantId} and name = ${name}`;
    },
  };
}

export type McpServerStore = ReturnType<typeof createMcpServerStore>;

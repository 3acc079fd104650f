import type { Exchange } from "@lyss/kit/http/route.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { followOffers } from "./follow-offers.ts";
import { serveMcp } from "./serve-mcp.ts";
import {
  type AddMcpServerInput,
  addMcpServer,
  askMcpServer,
  getMcpServer,
  loadTenantMcpServers,
  type McpServerName,
  removeMcpServer,
} from "./server-ops.ts";

/** Operations on servers of tools. */
export function createToolOps(deps: AiGatewayDeps) {
  return {
    serveMcp: (exchange: Exchange) => serveMcp(deps, exchange),
    followOffers: (exchange: Exchange) => followOffers(deps, exchange),
    listMcpServers: ({ tenantId }: { tenantId: string }) => deps.mcpCatalog.list(tenantId),
    addMcpServer: (input: AddMcpServerInput) => addMcpServer(deps, input),
    getMcpServer: (input: McpServerName) => getMcpServer(deps, input),
    removeMcpServer: (input: McpServerName) => removeMcpServer(deps, input),
    getPublicUrl: () => deps.publicUrl(),
    askMcpServer: (input: McpServerName) => askMcpServer(deps, input),
    loadTenantMcpServers: () => loadTenantMcpServers(deps),
  };
}

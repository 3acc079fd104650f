import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import {
  type AddAgentInput,
  type AgentName,
  addAgent,
  askAgentCard,
  getAgent,
  loadTenantAgents,
  removeAgent,
  type UpdateAgentInput,
  updateAgent,
} from "./agent-ops.ts";
import { requireAgent, serveAgent } from "./serve-agent.ts";

/** Operations on agents. */
export function createAgentOps(deps: AiGatewayDeps) {
  return {
    serveAgent: (exchange: Exchange) => serveAgent(deps, exchange),
    /** The card of an agent that the caller's key may use. Throws `agent_not_found`, and what was wrong with its answer. */
    async getAgentCard({ caller, name }: { readonly caller: Caller; readonly name: string }) {
      const agent = requireAgent(deps, caller, name);
      return { agent, card: await deps.cardBook.of(agent) };
    },
    listAgents: ({ tenantId }: { tenantId: string }) => deps.agentCatalog.list(tenantId),
    addAgent: (input: AddAgentInput) => addAgent(deps, input),
    updateAgent: (input: UpdateAgentInput) => updateAgent(deps, input),
    getAgent: (input: AgentName) => getAgent(deps, input),
    removeAgent: (input: AgentName) => removeAgent(deps, input),
    askAgentCard: (input: AgentName) => askAgentCard(deps, input),
    loadTenantAgents: () => loadTenantAgents(deps),
  };
}

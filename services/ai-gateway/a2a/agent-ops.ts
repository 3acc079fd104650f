import { agentChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { platformTenantId } from "../ops/load-providers.ts";
import { requirePublic } from "../servers/require-public.ts";
import { sealHeaders } from "../servers/seal-headers.ts";
import type { ServerHeaders } from "../servers/server-headers.ts";
import { type Agent, payeeOf, toAgentUrl } from "./agent.ts";
import type { AgentConfig } from "./agent-config.ts";
import type { AgentCard } from "./read-card.ts";

export interface AgentName {
  readonly tenantId: string;
  readonly name: string;
}

export interface AddAgentInput extends Pick<Agent, "tenantId" | "name" | "url" | "usdPerCall" | "timeoutMs"> {
  /** Sealed at once; empty where the agent asks for nothing. */
  readonly headers: ServerHeaders;
}

/** What is undefined stays as it is. */
export interface UpdateAgentInput extends AgentName {
  readonly url: string | undefined;
  readonly headers: ServerHeaders | undefined;
  readonly usdPerCall: string | undefined;
  readonly timeoutMs: number | undefined;
}

const maxAgents = 100;

/**
 * Adds a tenant's agent, or replaces the tenant's one of that name. Its headers are sealed by the credential service and bound to its origin. Throws
 * `address_refused` for an address that is not public, `invalid_request` for the name of a shared one, and `too_many_agents`.
 */
export async function addAgent(deps: AiGatewayDeps, { headers, ...input }: AddAgentInput): Promise<Agent> {
  const { tenantId, name } = input;
  const url = toAgentUrl(input.url);
  requirePublic(url);
  const known = deps.agentCatalog.find(tenantId, name);
  if (known) requireOwn(known);
  const credentialId = await sealHeaders(deps, { tenantId, payee: payeeOf({ name }), url }, headers);
  return putAgent(deps, {
    ...{ ...input, url, credentialId, source: "tenant", serverId: known?.serverId ?? deps.random.id("agt") },
    createdAt: known?.createdAt ?? new Date(deps.clock.nowMs()),
  });
}

/**
 * Changes a tenant's own agent. Throws `agent_not_found`, `address_refused`, and `invalid_request` for a shared one, and for another origin without new
 * headers where some are sealed: they are bound to the one that they were given for.
 */
export async function updateAgent(deps: AiGatewayDeps, input: UpdateAgentInput): Promise<Agent> {
  const { tenantId, name, headers } = input;
  const known = getAgent(deps, input);
  requireOwn(known);
  const url = input.url === undefined ? known.url : toAgentUrl(input.url);
  requirePublic(url);
  if (headers === undefined && known.credentialId !== "" && new URL(url).origin !== new URL(known.url).origin) {
    throw refuseField("headers", "must be given again for another origin", "地址的源变更时必须重新提供");
  }
  const sealed = headers && (await sealHeaders(deps, { tenantId, payee: payeeOf({ name }), url }, headers));
  const { usdPerCall = known.usdPerCall, timeoutMs = known.timeoutMs } = input;
  return putAgent(deps, { ...known, url, credentialId: sealed ?? known.credentialId, usdPerCall, timeoutMs });
}

async function putAgent(deps: AiGatewayDeps, agent: Agent): Promise<Agent> {
  const { tenantId, name } = agent;
  await deps.db.transaction(async (tx) => {
    await deps.agentStore.lockAgents(tx, tenantId);
    const others = await deps.agentStore.countOthers(tx, agent);
    if (others >= maxAgents) throw new Failure(agentFailures.too_many_agents, { limit: maxAgents });
    await deps.agentStore.putAgent(tx, agent);
    await deps.outbox.append(tx, agentChanged, { tenantId, name, actorId: currentActorId() });
  });
  await loadTenantAgents(deps);
  return getAgent(deps, { tenantId, name });
}

/** Throws `agent_not_found`. */
export function getAgent({ agentCatalog }: Pick<AiGatewayDeps, "agentCatalog">, { tenantId, name }: AgentName): Agent {
  const found = agentCatalog.find(tenantId, name);
  if (!found) throw new Failure(agentFailures.agent_not_found, { agent: name });
  return found;
}

function requireOwn({ source, name }: Agent): void {
  if (source === "tenant") return;
  throw refuseField(
    "name",
    `must not be '${name}': that agent comes from the operator's configuration`,
    `不能是“${name}”：该智能体来自管理员的配置`,
  );
}

/** Removes a tenant's own agent, destroys its credential and forgets whose its tasks were. Throws `agent_not_found` and `invalid_request`. */
export async function removeAgent(deps: AiGatewayDeps, { tenantId, name }: AgentName): Promise<void> {
  const known = getAgent(deps, { tenantId, name });
  requireOwn(known);
  await deps.db.transaction(async (tx) => {
    await deps.agentStore.deleteAgent(tx, { tenantId, name });
    await deps.references.removeOfServer(tx, known.serverId);
    await deps.outbox.append(tx, agentChanged, { tenantId, name, actorId: currentActorId() });
  });
  if (known.credentialId !== "") {
    await deps.credential.revokeCredential({ tenantId, credentialId: known.credentialId });
  }
  await loadTenantAgents(deps);
}

/** What the agent says of itself, asked of it now. Throws `agent_not_found`, and what was wrong with its answer. */
export async function askAgentCard(
  deps: Pick<AiGatewayDeps, "agentCatalog" | "cardBook">,
  named: AgentName,
): Promise<{ readonly agent: Agent; readonly card: AgentCard }> {
  const agent = getAgent(deps, named);
  return { agent, card: await deps.cardBook.ask(agent) };
}

/** Reads every tenant's own agents into the catalog. */
export async function loadTenantAgents({
  agentStore,
  agentCatalog,
  newest,
}: Pick<AiGatewayDeps, "agentStore" | "agentCatalog" | "newest">): Promise<void> {
  await newest.agents(agentStore.listAgents, agentCatalog.setTenants);
}

/** Puts the configured agents into the catalog, and what they are sent into the vault. */
export async function loadSharedAgents(deps: AiGatewayDeps, configs: readonly AgentConfig[]): Promise<void> {
  const createdAt = new Date(deps.clock.nowMs());
  const configured = await Promise.all(
    configs.map(async ({ headers, ...config }): Promise<Agent> => {
      const url = toAgentUrl(config.url);
      const revealed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
      const sealed = { tenantId: platformTenantId, payee: payeeOf(config), url };
      const credentialId = await sealHeaders(deps, sealed, revealed);
      const ids = { serverId: `config:${config.name}`, tenantId: "", source: "config" } as const;
      return { ...config, ...ids, url, credentialId, createdAt };
    }),
  );
  deps.agentCatalog.setShared(configured);
}

import { mcpServerChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { withoutEndSlash } from "../model.ts";
import { platformTenantId, type SimulatorAddress } from "../ops/load-providers.ts";
import { sealProviderKey } from "../seal-provider-key.ts";
import { requirePublic } from "../servers/require-public.ts";
import { sealHeaders } from "../servers/seal-headers.ts";
import type { ServerHeaders } from "../servers/server-headers.ts";
import { findTokenEndpoint, type TokenEndpoint } from "./find-token-endpoint.ts";
import type { McpServerConfig } from "./mcp-config.ts";
import { type McpServer, payeeOf, upstreamOf } from "./mcp-server.ts";
import type { Offer } from "./offer-book.ts";
import type { ServerOauth, TokenAuthMethod } from "./server-oauth.ts";

export interface McpServerName {
  readonly tenantId: string;
  readonly name: string;
}

export interface AddMcpServerInput
  extends Pick<
    McpServer,
    "tenantId" | "name" | "url" | "allowedTools" | "usdPerCall" | "usdPerCallByTool" | "timeoutMs"
  > {
  /** Sealed at once; empty where the server asks for nothing. */
  readonly headers: ServerHeaders;
  readonly oauth: GivenOauth | null;
}

/** As the owner says it. */
export interface GivenOauth extends Pick<ServerOauth, "clientId" | "scope"> {
  /** Sealed at once, and bound to the token endpoint's origin. */
  readonly clientSecret: string;
  /** Undefined for what the server's own metadata says, or is usual. */
  readonly tokenUrl: string | undefined;
  readonly resource: string | undefined;
  readonly tokenAuthMethod: TokenAuthMethod | undefined;
}

const maxServers = 100;

/**
 * Adds a tenant's tool server, or replaces the tenant's one of that name. Its headers are sealed by the credential service and bound to
 * its address. Throws `address_refused` for an address that is not public, `token_endpoint_unknown`, `mcp_server_configured` for the name of a shared one, and
 * `too_many_mcp_servers`.
 */
export async function addMcpServer(
  deps: AiGatewayDeps,
  { headers, oauth: given, ...input }: AddMcpServerInput,
): Promise<McpServer> {
  const { tenantId, name } = input;
  const url = withoutEndSlash(input.url);
  requirePublic(url);
  const known = deps.mcpCatalog.find(tenantId, name);
  if (known && known.source !== "tenant") throw new Failure(toolFailures.mcp_server_configured, { name });
  const oauth = given && (await sealOauth(deps, { tenantId, name, url }, await completeOauth(deps, url, given)));
  const credentialId = await sealHeaders(deps, { tenantId, payee: payeeOf({ name }), url }, headers);
  const server: McpServer = {
    ...{ ...input, url, credentialId, oauth, source: "tenant", serverId: known?.serverId ?? deps.random.id("mcp") },
    createdAt: known?.createdAt ?? new Date(deps.clock.nowMs()),
  };
  await deps.db.transaction(async (tx) => {
    await deps.mcpServerStore.lockServers(tx, tenantId);
    const others = await deps.mcpServerStore.countOthers(tx, server);
    if (others >= maxServers) throw new Failure(toolFailures.too_many_mcp_servers, { limit: maxServers });
    await deps.mcpServerStore.putServer(tx, server);
    await deps.outbox.append(tx, mcpServerChanged, { tenantId, name, actorId: currentActorId() });
  });
  await loadTenantMcpServers(deps);
  return getMcpServer(deps, { tenantId, name });
}

type CompleteOauth = Omit<GivenOauth, "tokenUrl" | "tokenAuthMethod"> & TokenEndpoint;

/** With the token endpoint that the server's metadata names, unless its owner names one. Throws `address_refused` and `token_endpoint_unknown`. */
async function completeOauth(
  { fetchPublic }: Pick<AiGatewayDeps, "fetchPublic">,
  url: string,
  { tokenUrl, tokenAuthMethod, ...given }: GivenOauth,
): Promise<CompleteOauth> {
  const usual = "client_secret_basic" as const;
  const found =
    tokenUrl === undefined ? await findTokenEndpoint(fetchPublic, url) : { tokenUrl, tokenAuthMethod: usual };
  requirePublic(found.tokenUrl);
  return { ...given, ...found, ...(tokenAuthMethod && { tokenAuthMethod }) };
}

async function sealOauth(
  deps: AiGatewayDeps,
  { tenantId, name, url }: Pick<McpServer, "tenantId" | "name" | "url">,
  { clientSecret: apiKey, resource = url, ...given }: CompleteOauth,
): Promise<ServerOauth> {
  const sealed = { tenantId, name: `${payeeOf({ name })} oauth`, apiKey, baseUrl: given.tokenUrl };
  return { ...given, resource, credentialId: await sealProviderKey(deps, sealed) };
}

/** Throws `mcp_server_not_found`. */
export function getMcpServer(
  { mcpCatalog }: Pick<AiGatewayDeps, "mcpCatalog">,
  { tenantId, name }: McpServerName,
): McpServer {
  const found = mcpCatalog.find(tenantId, name);
  if (!found) throw new Failure(toolFailures.mcp_server_not_found, { name });
  return found;
}

/** Removes a tenant's own server and destroys its credentials. Throws `mcp_server_not_found` and `mcp_server_configured`. */
export async function removeMcpServer(deps: AiGatewayDeps, { tenantId, name }: McpServerName): Promise<void> {
  const { source, credentialId, oauth } = getMcpServer(deps, { tenantId, name });
  if (source !== "tenant") throw new Failure(toolFailures.mcp_server_configured, { name });
  await deps.db.transaction(async (tx) => {
    await deps.mcpServerStore.deleteServer(tx, { tenantId, name });
    await deps.outbox.append(tx, mcpServerChanged, { tenantId, name, actorId: currentActorId() });
  });
  for (const id of [credentialId, oauth?.credentialId ?? ""]) {
    if (id !== "") await deps.credential.revokeCredential({ tenantId, credentialId: id });
  }
  await loadTenantMcpServers(deps);
}

/** What the server has, asked of it now. Throws `mcp_server_not_found`, and what was wrong with its answer. */
export async function askMcpServer(
  deps: Pick<AiGatewayDeps, "mcpCatalog" | "offerBook">,
  named: McpServerName,
): Promise<{ readonly server: McpServer; readonly offer: Offer }> {
  const server = getMcpServer(deps, named);
  return { server, offer: await deps.offerBook.ask(server) };
}

/** Reads every tenant's own servers into the catalog. */
export async function loadTenantMcpServers({
  mcpServerStore,
  mcpCatalog,
  newest,
}: Pick<AiGatewayDeps, "mcpServerStore" | "mcpCatalog" | "newest">): Promise<void> {
  await newest.mcpServers(mcpServerStore.listServers, mcpCatalog.setTenants);
}

/** Puts the configured servers and the simulated one into the catalog, and what they are sent into the vault. */
export async function loadSharedMcpServers(
  deps: AiGatewayDeps,
  configs: readonly McpServerConfig[],
  simulator: SimulatorAddress | undefined,
): Promise<void> {
  const createdAt = new Date(deps.clock.nowMs());
  const configured = await Promise.all(
    configs.map(async ({ headers, oauth: given, ...config }): Promise<McpServer> => {
      const url = withoutEndSlash(config.url);
      const revealed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
      const named = { tenantId: platformTenantId, name: config.name, url };
      const credentialId = await sealHeaders(deps, { ...named, payee: payeeOf(named) }, revealed);
      const oauth =
        given &&
        (await sealOauth(deps, named, {
          ...{ ...given, resource: given.resource, clientSecret: given.clientSecret.reveal() },
        }));
      const ids = { serverId: `config:${config.name}`, tenantId: "", source: "config" } as const;
      return { ...config, ...ids, url, credentialId, oauth: oauth ?? null, createdAt };
    }),
  );
  const simulated = simulator && toSimulatedServer(deps, simulator, createdAt);
  deps.mcpCatalog.setShared(simulated ? [...configured, simulated] : configured);
}

function toSimulatedServer(
  { credentials }: AiGatewayDeps,
  { url, apiKey }: SimulatorAddress,
  createdAt: Date,
): McpServer {
  const server: McpServer = {
    ...{ serverId: "simulated-mcp", tenantId: "", name: "simulated", url: `${url}/mcp`, source: "simulator" },
    ...{
      credentialId: "",
      oauth: null,
      allowedTools: [],
      usdPerCall: "0.001",
      usdPerCallByTool: {},
      timeoutMs: 60_000,
      createdAt,
    },
  };
  credentials.setLocal(upstreamOf(server).providerId, JSON.stringify({ authorization: `Bearer ${apiKey}` }));
  return server;
}

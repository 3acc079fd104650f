import { createHash } from "node:crypto";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor, type ToFailureReply } from "@lyss/kit/http/route.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import { z } from "zod";
import { type Agent, agentFields, cardPath, defaultTimeoutMs, defaultUsdPerCall } from "./a2a/agent.ts";
import { protocolVersions, versionHeader } from "./a2a/protocol.ts";
import type { AgentCard } from "./a2a/read-card.ts";
import { agentCodeOf } from "./a2a/rpc-codes.ts";
import { toCardBody } from "./a2a/to-card-body.ts";
import { tagHeaders } from "./call/read-tags.ts";
import type { AiGatewayOps } from "./ops.ts";
import { toErrorText } from "./servers/json-rpc.ts";
import { headerValueSchema, serverHeadersSchema } from "./servers/server-headers.ts";

const { json, raw } = routesFor<AiGatewayOps>();

/** Files are sent within messages. */
const bodyLimitBytes = 16_777_216;
const cardAgeSeconds = 60;

/** What went wrong before a request was read: its status for HTTP, and an error of JSON-RPC for who reads that. */
const toAgentFailureReply: ToFailureReply = (failure, { requestId, locale }) => {
  const headers: Record<string, string> = {
    ...{ "content-type": "application/json; charset=utf-8", "cache-control": "no-store", "x-request-id": requestId },
  };
  if (failure.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(failure.retryAfterMs / 1_000));
  if (failure.type.httpStatus === 401) headers["www-authenticate"] = "Bearer";
  return { status: failure.type.httpStatus, headers, body: toErrorText(null, failure, locale, agentCodeOf) };
};

const versionText = `The version of the protocol: ${protocolVersions.join(" or ")}; 0.3 where there is none.`;

function callRoute(path: string, suffix: string) {
  return raw({
    ...{ method: "POST", path: `${path}/{agent}`, operation: `callAgent${suffix}`, permission: "agent:call" },
    bodyLimitBytes,
    summary:
      "One request of the Agent2Agent protocol (JSON-RPC) to an agent: a message, answered whole or as a stream, or a question about a task of the caller's.",
    headers: {
      ...tagHeaders,
      [versionHeader]: versionText,
      "a2a-extensions":
        "URIs of extensions to use, by commas; passed on as they are. Of version 0.3 `x-a2a-extensions`.",
    },
    body: z.looseObject({
      jsonrpc: z.literal("2.0"),
      id: z.union([z.string(), z.int()]),
      method: z.string().meta({ examples: ["SendMessage"] }),
      params: z.looseObject({}).optional(),
    }),
    response: z.looseObject({ jsonrpc: z.literal("2.0"), id: z.union([z.string(), z.int()]) }),
    files: ["text/event-stream"],
    toFailureReply: toAgentFailureReply,
    handle: (ops, exchange) => ops.serveAgent(exchange),
  });
}

/** Of what is asked of an agent. */
const asking = [agentFailures.agent_failed, agentFailures.agent_timeout, agentFailures.agent_refused];
const notFound = [agentFailures.agent_not_found];

function cardRoute(path: string, suffix: string) {
  return json({
    ...{ method: "GET", path: `${path}/{agent}${cardPath}`, operation: `getAgentCard${suffix}` },
    permission: "agent:call",
    summary:
      "The card of an agent, as clients of the Agent2Agent protocol look for it: it names Lyss's address and security.",
    params: z.strictObject({ agent: z.string().max(63) }),
    reads: [versionHeader],
    response: z.looseObject({ name: z.string(), description: z.string(), version: z.string() }),
    failures: [...notFound, ...asking],
    async handle(ops, request) {
      const caller = requireCaller(request);
      const { agent, card } = await ops.getAgentCard({ caller, name: request.params.agent });
      return toCardAnswer(agent, card, request.headers[versionHeader], ops.getPublicUrl());
    },
  });
}

/** In the version that is asked for, or the other where the agent speaks that alone. */
function toCardAnswer(agent: Agent, card: AgentCard, asked = "", publicUrl: string): WholeAnswer {
  const wanted = protocolVersions.find((known) => asked === known || asked.startsWith(`${known}.`)) ?? "0.3";
  const version = card.interfaces.has(wanted) ? wanted : ([...card.interfaces.keys()][0] ?? "0.3");
  const place = { agentUrl: `${publicUrl}/v1/a2a/${agent.name}`, upstreamHost: new URL(agent.url).host };
  const body = JSON.stringify(toCardBody(card, version, place));
  const headers = {
    ...{ "content-type": "application/json", "cache-control": `private, max-age=${cardAgeSeconds}` },
    ...{ etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`, vary: versionHeader },
  };
  return new WholeAnswer(200, headers, body);
}

const { name, url, usdPerCall, timeoutMs } = agentFields;
const agentsPath = "/api/v1/ai/agents";
const params = z.strictObject({ name: z.string().max(63) });
const urlExample = url.meta({ examples: ["https://agents.example.com/docs"] });
const headersBody = serverHeadersSchema(headerValueSchema);

const agentBody = z.strictObject({
  object: z.literal("agent"),
  name: z.string(),
  url: z.string(),
  a2a_url: z.string().describe("Where clients reach it at Lyss."),
  source: z.enum(["config", "simulator", "tenant"]),
  has_headers: z.boolean().describe("Whether something secret is sent with each request."),
  usd_per_call: z.string().describe("As the agent is configured; the price book has the word."),
  timeout_ms: z.int(),
  created_at: z.iso.datetime(),
});

const cardBody = z.strictObject({
  object: z.literal("agent_card"),
  name: z.string().describe("As the agent calls itself."),
  description: z.string(),
  version: z.string(),
  protocol_versions: z.array(z.enum(protocolVersions)),
  streaming: z.boolean(),
  skills: z.array(z.strictObject({ id: z.string(), name: z.string(), description: z.string() })),
});

const ownRoutes = [
  json({
    ...{ method: "GET", path: agentsPath, permission: "agent:read", operation: "listAgents" },
    summary: "The agents that the tenant may use, its own and the shared ones, by name.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(agentBody) }),
    handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const data = ops.listAgents({ tenantId }).map((agent) => toAgentBody(agent, ops.getPublicUrl()));
      return { object: "list" as const, data };
    },
  }),
  json({
    ...{ method: "POST", path: agentsPath, permission: "agent:create", operation: "addAgent" },
    summary: "Adds an agent of the tenant's own, or replaces the one of that name.",
    body: z.strictObject({
      ...{ name, url: urlExample, usd_per_call: usdPerCall.default(defaultUsdPerCall) },
      headers: headersBody.default({}).describe("Sent with each request. Sealed at once; never shown again."),
      timeout_ms: timeoutMs.default(defaultTimeoutMs),
    }),
    response: agentBody,
    successStatus: 201,
    failures: [aiGatewayFailures.address_refused, aiGatewayFailures.invalid_request, agentFailures.too_many_agents],
    async handle(ops, { body, ...request }) {
      const { tenantId } = requireCaller(request);
      const added = await ops.addAgent({
        ...{ tenantId, name: body.name, url: body.url, headers: body.headers },
        ...{ usdPerCall: body.usd_per_call, timeoutMs: body.timeout_ms },
      });
      return toAgentBody(added, ops.getPublicUrl());
    },
  }),
  json({
    ...{ method: "GET", path: `${agentsPath}/{name}`, permission: "agent:read", operation: "getAgent" },
    summary: "One agent.",
    params,
    response: agentBody,
    failures: notFound,
    handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toAgentBody(ops.getAgent({ tenantId, name: request.params.name }), ops.getPublicUrl());
    },
  }),
  json({
    ...{ method: "PATCH", path: `${agentsPath}/{name}`, permission: "agent:update", operation: "updateAgent" },
    summary: "Changes an agent of the tenant's own; what is left out stays as it is.",
    params,
    body: z.strictObject({
      ...{ url: urlExample.optional(), usd_per_call: usdPerCall.optional() },
      headers: headersBody.optional().describe("In place of all that were sealed; `{}` for none."),
      timeout_ms: timeoutMs.optional(),
    }),
    response: agentBody,
    failures: [...notFound, aiGatewayFailures.address_refused, aiGatewayFailures.invalid_request],
    async handle(ops, { body, ...request }) {
      const { tenantId } = requireCaller(request);
      const changed = await ops.updateAgent({
        ...{ tenantId, name: request.params.name, url: body.url, headers: body.headers },
        ...{ usdPerCall: body.usd_per_call, timeoutMs: body.timeout_ms },
      });
      return toAgentBody(changed, ops.getPublicUrl());
    },
  }),
  json({
    ...{ method: "GET", path: `${agentsPath}/{name}/card`, permission: "agent:read", operation: "askAgentCard" },
    summary: "Asks an agent what it says of itself: whether it can be reached, and by which versions. Costs nothing.",
    params,
    response: cardBody,
    failures: [...notFound, ...asking],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { card } = await ops.askAgentCard({ tenantId, name: request.params.name });
      return {
        ...{ object: "agent_card" as const, name: card.name, description: card.description, version: card.version },
        ...{ protocol_versions: [...card.interfaces.keys()], streaming: card.isStreaming },
        skills: card.skills.map(({ id, name: called, description }) => ({ id, name: called, description })),
      };
    },
  }),
  json({
    ...{ method: "DELETE", path: `${agentsPath}/{name}`, permission: "agent:delete", operation: "removeAgent" },
    summary: "Removes an agent of the tenant's own, destroys what was sealed for it and forgets whose its tasks were.",
    params,
    response: z.strictObject({ object: z.literal("agent"), name: z.string(), deleted: z.literal(true) }),
    failures: [...notFound, aiGatewayFailures.invalid_request],
    async handle(ops, request) {
      const removed = request.params.name;
      await ops.removeAgent({ tenantId: requireCaller(request).tenantId, name: removed });
      return { object: "agent" as const, name: removed, deleted: true as const };
    },
  }),
];

const paths = [
  ["/v1/a2a", ""],
  ["/api/v1/ai/a2a", "ApiV1Ai"],
] as const;

/** Agents that speak the Agent2Agent protocol, each at one address, and what is said of them. */
export const agentRoutes = [
  ...paths.flatMap(([path, suffix]) => [callRoute(path, suffix), cardRoute(path, suffix)]),
  ...ownRoutes,
];

function toAgentBody(agent: Agent, publicUrl: string): z.input<typeof agentBody> {
  return {
    ...{ object: "agent", name: agent.name, url: agent.url, a2a_url: `${publicUrl}/v1/a2a/${agent.name}` },
    ...{ source: agent.source, has_headers: agent.credentialId !== "", usd_per_call: agent.usdPerCall },
    ...{ timeout_ms: agent.timeoutMs, created_at: agent.createdAt.toISOString() },
  };
}

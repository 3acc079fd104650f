import { toolResource, toolResourceUri } from "@lyss/contracts/access/resources.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { tagHeaders } from "./call/read-tags.ts";
import { metadataPath, toMcpFailureReply } from "./mcp/failure-reply.ts";
import { type McpServer, mcpServerFields, priceOfTool, toolNameOf } from "./mcp/mcp-server.ts";
import { type Listed, promptUnit, readUnit } from "./mcp/offer-book.ts";
import type { Prompt } from "./mcp/read-prompts.ts";
import type { Resource, ResourceTemplate } from "./mcp/read-resources.ts";
import type { Tool } from "./mcp/read-tools.ts";
import { uriOf } from "./mcp/resource-uri.ts";
import { clientSecretSchema, serverOauthFields, tokenAuthMethods } from "./mcp/server-oauth.ts";
import type { AiGatewayOps } from "./ops.ts";
import { headerValueSchema, serverHeadersSchema } from "./servers/server-headers.ts";

const { json, raw } = routesFor<AiGatewayOps>();

const bodyLimitBytes = 4_194_304;

function mcpRoute(path: string, suffix: string) {
  return raw({
    ...{ method: "POST", path, operation: `callMcp${suffix}`, permission: "tool:call", bodyLimitBytes },
    summary:
      "One message of the Model Context Protocol (Streamable HTTP): the tools, resources and prompts of all servers that the key may use, as one server.",
    headers: {
      ...tagHeaders,
      "mcp-protocol-version": "The version that was agreed upon; 2025-11-25, 2025-06-18 or 2025-03-26.",
      "mcp-session-id": "As the answer to `initialize` had it; by it a call can be cancelled.",
    },
    body: z.looseObject({
      jsonrpc: z.literal("2.0"),
      id: z.union([z.string(), z.int()]).optional(),
      method: z.string().meta({ examples: ["tools/list"] }),
      params: z.looseObject({}).optional(),
    }),
    response: z.looseObject({ jsonrpc: z.literal("2.0"), id: z.union([z.string(), z.int()]).optional() }),
    files: ["text/event-stream"],
    toFailureReply: toMcpFailureReply,
    handle: (ops, exchange) => ops.serveMcp(exchange),
  });
}

function mcpStreamRoute(path: string, suffix: string) {
  return raw({
    ...{ method: "GET", path, operation: `followMcp${suffix}`, permission: "tool:call", bodyLimitBytes: 0 },
    summary:
      "A stream that tells when the list of tools, prompts or resources has changed (`notifications/tools/list_changed`). Needs `Accept: text/event-stream`.",
    isWaiting: true,
    headers: { "mcp-protocol-version": "The version that was agreed upon." },
    files: ["text/event-stream"],
    toFailureReply: toMcpFailureReply,
    handle: (ops, exchange) => ops.followOffers(exchange),
  });
}

const { name, url, allowedTools, usdPerCall, usdPerCallByTool, timeoutMs } = mcpServerFields;
const serversPath = "/api/v1/ai/mcp-servers";
const params = z.strictObject({ name: z.string().max(63) });

const { clientId, tokenUrl, scope, resource, tokenAuthMethod } = serverOauthFields;

const oauthBody = z.strictObject({
  client_id: z.string(),
  token_url: z.string(),
  scope: z.string(),
  resource: z.string(),
  token_endpoint_auth_method: z.enum(tokenAuthMethods),
});

const serverBody = z.strictObject({
  object: z.literal("mcp_server"),
  name: z.string(),
  url: z.string(),
  source: z.enum(["config", "simulator", "tenant"]),
  has_headers: z.boolean().describe("Whether something secret is sent with each request."),
  oauth: oauthBody.nullable().describe("How tokens for it are got; null where none are. The secret is not shown."),
  allowed_tools: z.array(z.string()).describe("Empty for all that it has."),
  usd_per_call: z.string(),
  usd_per_call_by_tool: z.record(z.string(), z.string()),
  timeout_ms: z.int(),
  created_at: z.iso.datetime(),
});

const toolBody = z.strictObject({
  object: z.literal("tool"),
  name: z.string().describe("As it is called: `<server>__<tool>`."),
  title: z.string().nullable(),
  description: z.string().nullable(),
  usd_per_call: z.string().describe("As the server is configured; the price book has the word."),
  input_schema: z.looseObject({}),
});

const promptBody = z.strictObject({
  object: z.literal("prompt"),
  name: z.string().describe("As it is got: `<server>__<prompt>`."),
  title: z.string().nullable(),
  description: z.string().nullable(),
  arguments: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string().nullable(),
      description: z.string().nullable(),
      required: z.boolean(),
    }),
  ),
  usd_per_call: z.string().describe("As the server is configured; the price book has the word."),
});

const resourceBody = z.strictObject({
  object: z.literal("resource"),
  uri: z.string().nullable().describe("As it is read: `lyss://<server>/<uri>`; null for a template."),
  uri_template: z.string().nullable().describe("Of many (RFC 6570); null for one resource."),
  name: z.string(),
  title: z.string().nullable(),
  description: z.string().nullable(),
  mime_type: z.string().nullable(),
  usd_per_call: z.string().describe("As the server is configured; the price book has the word."),
});

const notFound = [toolFailures.mcp_server_not_found];
const leftOut = z.int().describe("Those that cannot be offered: their name, size or form is not taken.");

/** Of what is asked of a server by its owner. */
const asking = {
  method: "GET",
  permission: "mcp_server:read",
  params,
  failures: [
    ...[...notFound, toolFailures.tool_server_failed, toolFailures.tool_server_timeout],
    ...[toolFailures.tool_server_unauthorized, toolFailures.tool_refused, toolFailures.tool_server_token_refused],
  ],
} as const;

const serverRoutes = [
  json({
    method: "GET",
    path: serversPath,
    permission: "mcp_server:read",
    operation: "listMcpServers",
    summary: "The tool servers that the tenant may use, its own and the shared ones, by name.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(serverBody) }),
    handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return { object: "list" as const, data: ops.listMcpServers({ tenantId }).map(toServerBody) };
    },
  }),
  json({
    method: "POST",
    path: serversPath,
    permission: "mcp_server:create",
    operation: "addMcpServer",
    summary: "Adds a tool server of the tenant's own, or replaces the one of that name.",
    body: z.strictObject({
      ...{ name, url: url.meta({ examples: ["https://tools.example.com/mcp"] }) },
      headers: serverHeadersSchema(headerValueSchema)
        .default({})
        .describe("Sent with each request. Sealed at once; never shown again."),
      oauth: z
        .strictObject({
          client_id: clientId.meta({ examples: ["lyss"] }),
          client_secret: clientSecretSchema
            .meta({ writeOnly: true })
            .describe("Sealed at once; sent to the token endpoint alone, never shown again."),
          token_url: tokenUrl
            .optional()
            .meta({ examples: ["https://id.example.com/token"] })
            .describe("The token endpoint; what the server's metadata says unless given (RFC 9728, 8414)."),
          ...{ scope, resource: resource.optional() },
          token_endpoint_auth_method: tokenAuthMethod.optional(),
        })
        .nullable()
        .default(null)
        .describe("How tokens for it are got by client credentials (RFC 6749, 4.4)."),
      ...{ allowed_tools: allowedTools, usd_per_call: usdPerCall, usd_per_call_by_tool: usdPerCallByTool },
      timeout_ms: timeoutMs,
    }),
    response: serverBody,
    successStatus: 201,
    failures: [
      ...[aiGatewayFailures.address_refused, toolFailures.mcp_server_configured],
      ...[toolFailures.too_many_mcp_servers, toolFailures.token_endpoint_unknown],
    ],
    async handle(ops, { body, ...request }) {
      const { tenantId } = requireCaller(request);
      const added = await ops.addMcpServer({
        ...{ tenantId, name: body.name, url: body.url, headers: body.headers, allowedTools: body.allowed_tools },
        oauth: body.oauth && {
          ...{ clientId: body.oauth.client_id, clientSecret: body.oauth.client_secret, scope: body.oauth.scope },
          ...{ tokenUrl: body.oauth.token_url, resource: body.oauth.resource },
          tokenAuthMethod: body.oauth.token_endpoint_auth_method,
        },
        ...{ usdPerCall: body.usd_per_call, usdPerCallByTool: body.usd_per_call_by_tool, timeoutMs: body.timeout_ms },
      });
      return toServerBody(added);
    },
  }),
  json({
    method: "GET",
    path: `${serversPath}/{name}`,
    permission: "mcp_server:read",
    operation: "getMcpServer",
    summary: "One tool server.",
    params,
    response: serverBody,
    failures: notFound,
    handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toServerBody(ops.getMcpServer({ tenantId, name: request.params.name }));
    },
  }),
  json({
    ...asking,
    path: `${serversPath}/{name}/tools`,
    operation: "listMcpServerTools",
    summary: "Asks a tool server for its tools. Costs nothing.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(toolBody), left_out: leftOut }),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { server, offer } = await ops.askMcpServer({ tenantId, name: request.params.name });
      return toList(offer.tools, (tool) => toToolBody(server, tool));
    },
  }),
  json({
    ...asking,
    path: `${serversPath}/{name}/prompts`,
    operation: "listMcpServerPrompts",
    summary: "Asks a tool server for its prompts. Costs nothing.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(promptBody), left_out: leftOut }),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { server, offer } = await ops.askMcpServer({ tenantId, name: request.params.name });
      return toList(offer.prompts, (prompt) => toPromptBody(server, prompt));
    },
  }),
  json({
    ...asking,
    path: `${serversPath}/{name}/resources`,
    operation: "listMcpServerResources",
    summary: "Asks a tool server for its resources and their templates. Costs nothing.",
    response: z.strictObject({ object: z.literal("list"), data: z.array(resourceBody), left_out: leftOut }),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { server, offer } = await ops.askMcpServer({ tenantId, name: request.params.name });
      const { resources, templates } = offer;
      const items = [...resources.items, ...templates.items];
      return toList({ items, leftOut: resources.leftOut + templates.leftOut }, (one) => toResourceBody(server, one));
    },
  }),
  json({
    method: "DELETE",
    path: `${serversPath}/{name}`,
    permission: "mcp_server:delete",
    operation: "removeMcpServer",
    summary: "Removes a tool server of the tenant's own and destroys what was sealed for it.",
    params,
    response: z.strictObject({ object: z.literal("mcp_server"), name: z.string(), deleted: z.literal(true) }),
    failures: [...notFound, toolFailures.mcp_server_configured],
    async handle(ops, request) {
      const removed = request.params.name;
      await ops.removeMcpServer({ tenantId: requireCaller(request).tenantId, name: removed });
      return { object: "mcp_server" as const, name: removed, deleted: true as const };
    },
  }),
];

/** Who signs people in for `/v1/mcp`, as a client that was refused looks for it. */
function resourceRoute(path: string, suffix: string) {
  return json({
    ...{ method: "GET", path, permission: "public", operation: `getToolResource${suffix}` },
    summary: "Where people sign in for `/v1/mcp`, and what for (RFC 9728).",
    response: z.strictObject({
      resource: z.string().meta({ examples: ["https://lyss.example.com/v1/mcp"] }),
      authorization_servers: z.array(z.string()).meta({ examples: [["https://lyss.example.com/oidc"]] }),
      scopes_supported: z.array(z.string()),
      bearer_methods_supported: z.array(z.string()),
      resource_name: z.string(),
    }),
    handle(ops) {
      const publicUrl = ops.getPublicUrl();
      return {
        ...{ resource: toolResourceUri(publicUrl), authorization_servers: [`${publicUrl}/oidc`] },
        ...{ scopes_supported: [toolResource.scope], bearer_methods_supported: ["header"], resource_name: "Lyss" },
      };
    },
  });
}

/** Tools of servers that speak the Model Context Protocol, and these servers. */
export const mcpRoutes = [
  ...[mcpRoute(toolResource.path, ""), mcpRoute("/api/v1/ai/mcp", "ApiV1Ai"), ...serverRoutes],
  ...[mcpStreamRoute(toolResource.path, ""), mcpStreamRoute("/api/v1/ai/mcp", "ApiV1Ai")],
  ...[resourceRoute(metadataPath, ""), resourceRoute(metadataPath + toolResource.path, "ByPath")],
];

function toServerBody(server: McpServer): z.input<typeof serverBody> {
  return {
    ...{ object: "mcp_server", name: server.name, url: server.url, source: server.source },
    has_headers: server.source === "simulator" || server.credentialId !== "",
    oauth: server.oauth && {
      ...{ client_id: server.oauth.clientId, token_url: server.oauth.tokenUrl, scope: server.oauth.scope },
      ...{ resource: server.oauth.resource, token_endpoint_auth_method: server.oauth.tokenAuthMethod },
    },
    ...{ allowed_tools: [...server.allowedTools], usd_per_call: server.usdPerCall },
    ...{ usd_per_call_by_tool: { ...server.usdPerCallByTool }, timeout_ms: server.timeoutMs },
    created_at: server.createdAt.toISOString(),
  };
}

function toToolBody(server: McpServer, tool: Tool): z.input<typeof toolBody> {
  return {
    ...{ object: "tool", name: toolNameOf(server, tool.name), title: tool.title ?? null },
    ...{ description: tool.description ?? null, usd_per_call: priceOfTool(server, tool.name) },
    input_schema: { ...tool.inputSchema },
  };
}

function toPromptBody(server: McpServer, prompt: Prompt): z.input<typeof promptBody> {
  return {
    ...{ object: "prompt", name: toolNameOf(server, prompt.name), title: prompt.title ?? null },
    ...{ description: prompt.description ?? null, usd_per_call: priceOfTool(server, promptUnit) },
    arguments: prompt.arguments.map(({ name, title = null, description = null, required }) => ({
      ...{ name, title, description, required },
    })),
  };
}

function toResourceBody(server: McpServer, one: Resource | ResourceTemplate): z.input<typeof resourceBody> {
  return {
    object: "resource",
    uri: "uri" in one ? uriOf(server, one.uri) : null,
    uri_template: "uriTemplate" in one ? uriOf(server, one.uriTemplate) : null,
    ...{ name: one.name, title: one.title ?? null, description: one.description ?? null },
    ...{ mime_type: one.mimeType ?? null, usd_per_call: priceOfTool(server, readUnit) },
  };
}

function toList<Item, Body>({ items, leftOut: left_out }: Listed<Item>, toBody: (item: Item) => Body) {
  return { object: "list" as const, data: items.map(toBody), left_out };
}

import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { tagHeaders } from "./call/read-tags.ts";
import { toMcpFailureReply } from "./mcp/failure-reply.ts";
import {
  headerValueSchema,
  type McpServer,
  mcpServerFields,
  priceOfTool,
  serverHeadersSchema,
  toolNameOf,
} from "./mcp/mcp-server.ts";
import type { ToolList } from "./mcp/tool-book.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json, raw } = routesFor<AiGatewayOps>();

const bodyLimitBytes = 4_194_304;

function mcpRoute(path: string, suffix: string) {
  return raw({
    ...{ method: "POST", path, operation: `callMcp${suffix}`, permission: "tool:call", bodyLimitBytes },
    summary:
      "One message of the Model Context Protocol (Streamable HTTP): the tools of all servers that the key may use, as one server.",
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

const { name, url, allowedTools, usdPerCall, usdPerCallByTool, timeoutMs } = mcpServerFields;
const serversPath = "/api/v1/ai/mcp-servers";
const params = z.strictObject({ name: z.string().max(63) });

const serverBody = z.strictObject({
  object: z.literal("mcp_server"),
  name: z.string(),
  url: z.string(),
  source: z.enum(["config", "simulator", "tenant"]),
  has_headers: z.boolean().describe("Whether something secret is sent with each request."),
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

const notFound = [toolFailures.mcp_server_not_found];

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
      ...{ allowed_tools: allowedTools, usd_per_call: usdPerCall, usd_per_call_by_tool: usdPerCallByTool },
      timeout_ms: timeoutMs,
    }),
    response: serverBody,
    successStatus: 201,
    failures: [
      ...[aiGatewayFailures.address_refused, toolFailures.mcp_server_configured],
      toolFailures.too_many_mcp_servers,
    ],
    async handle(ops, { body, ...request }) {
      const { tenantId } = requireCaller(request);
      const added = await ops.addMcpServer({
        ...{ tenantId, name: body.name, url: body.url, headers: body.headers, allowedTools: body.allowed_tools },
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
    method: "GET",
    path: `${serversPath}/{name}/tools`,
    permission: "mcp_server:read",
    operation: "listMcpServerTools",
    summary: "Asks a tool server for its tools. Costs nothing.",
    params,
    response: z.strictObject({
      object: z.literal("list"),
      data: z.array(toolBody),
      left_out: z.int().describe("Tools that cannot be offered: their name, size or form is not taken."),
    }),
    failures: [
      ...[...notFound, toolFailures.tool_server_failed, toolFailures.tool_server_timeout],
      ...[toolFailures.tool_server_unauthorized, toolFailures.tool_refused],
    ],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toToolList(await ops.listMcpServerTools({ tenantId, name: request.params.name }));
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

/** Tools of servers that speak the Model Context Protocol, and these servers. */
export const mcpRoutes = [mcpRoute("/v1/mcp", ""), mcpRoute("/api/v1/ai/mcp", "ApiV1Ai"), ...serverRoutes];

function toServerBody(server: McpServer): z.input<typeof serverBody> {
  return {
    ...{ object: "mcp_server", name: server.name, url: server.url, source: server.source },
    has_headers: server.source === "simulator" || server.credentialId !== "",
    ...{ allowed_tools: [...server.allowedTools], usd_per_call: server.usdPerCall },
    ...{ usd_per_call_by_tool: { ...server.usdPerCallByTool }, timeout_ms: server.timeoutMs },
    created_at: server.createdAt.toISOString(),
  };
}

function toToolList({ server, list }: { readonly server: McpServer; readonly list: ToolList }) {
  const data = list.tools.map(
    (tool): z.input<typeof toolBody> => ({
      ...{ object: "tool", name: toolNameOf(server, tool.name), title: tool.title ?? null },
      ...{ description: tool.description ?? null, usd_per_call: priceOfTool(server, tool.name) },
      input_schema: { ...tool.inputSchema },
    }),
  );
  return { object: "list" as const, data, left_out: list.leftOut };
}

import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { isAllowed } from "../servers/server.ts";
import { type McpServer, mayCall, splitToolName, toolNameOf } from "./mcp-server.ts";
import { type Offer, promptUnit, readUnit } from "./offer-book.ts";
import { splitUri } from "./resource-uri.ts";

/** What is asked of a server, and paid. */
export interface Target {
  readonly server: McpServer;
  readonly method: PaidMethod;
  readonly params: RpcParams;
  /** What it is called where money is. */
  readonly unit: string;
  /** Of the tool or prompt, or the resource's URI, as the server has it. */
  readonly name: string;
  /** Whether what it links to can be read here. */
  readonly hasResources: boolean;
}

export type FindDeps = Pick<AiGatewayDeps, "mcpCatalog" | "offerBook">;
type Find = (deps: FindDeps, caller: Caller, params: RpcParams) => Promise<Target>;

const paid = {
  "tools/call": findTool,
  "prompts/get": findPrompt,
  "resources/read": findResource,
} satisfies Readonly<Record<string, Find>>;
export type PaidMethod = keyof typeof paid;

export function isPaidMethod(method: string): method is PaidMethod {
  return Object.hasOwn(paid, method);
}

/**
 * What a request for one of the paid methods means. Throws `invalid_request`; `tool_not_found`, `mcp_prompt_not_found` and `mcp_resource_not_found`, also for what the
 * key may not use; and what was wrong when the server was asked for what it has.
 */
export function findTarget(deps: FindDeps, method: PaidMethod, caller: Caller, params: RpcParams): Promise<Target> {
  return paid[method](deps, caller, params);
}

async function findTool(deps: FindDeps, caller: Caller, params: RpcParams): Promise<Target> {
  const { name } = params;
  if (typeof name !== "string") throw refuseField("name", "must be a tool's name", "必须是工具名称");
  const given = readArguments(params);
  const notFound = () => new Failure(toolFailures.tool_not_found, { tool: name.slice(0, 200) });
  const found = await findNamed(deps, caller, name);
  if (!found?.offer.tools.items.some((tool) => tool.name === found.own)) throw notFound();
  const { server, own, offer } = found;
  const asked = { name: own, arguments: given };
  return { server, method: "tools/call", params: asked, unit: own, name: own, hasResources: offer.has.resources };
}

async function findPrompt(deps: FindDeps, caller: Caller, params: RpcParams): Promise<Target> {
  const { name } = params;
  if (typeof name !== "string") throw refuseField("name", "must be a prompt's name", "必须是提示词名称");
  const given = readArguments(params);
  const { server, own, offer } = await requirePrompt(deps, caller, name);
  const asked = { name: own, arguments: given };
  return {
    ...{ server, method: "prompts/get", params: asked, unit: promptUnit, name: own },
    hasResources: offer.has.resources,
  };
}

/** One that is listed. Throws `mcp_prompt_not_found`. */
export async function requirePrompt(deps: FindDeps, caller: Caller, name: string) {
  const found = await findNamed(deps, caller, name);
  if (found?.offer.prompts.items.some((prompt) => prompt.name === found.own)) return found;
  throw new Failure(toolFailures.mcp_prompt_not_found, { prompt: name.slice(0, 200) });
}

async function findResource(deps: FindDeps, caller: Caller, { uri }: RpcParams): Promise<Target> {
  if (typeof uri !== "string") throw refuseField("uri", "must be a resource's URI", "必须是资源的 URI");
  const { server, own } = await requireResource(deps, caller, uri);
  return { server, method: "resources/read", params: { uri: own }, unit: readUnit, name: own, hasResources: true };
}

/** Also one that is not listed: no server lists all that its templates stand for. Throws `mcp_resource_not_found`. */
export async function requireResource(deps: FindDeps, caller: Caller, uri: string) {
  const parts = splitUri(uri);
  const found = parts && (await findNamed(deps, caller, toolNameOf({ name: parts.server }, parts.uri)));
  if (found?.offer.has.resources && isAllowed(found.server.allowedTools, found.own)) return found;
  throw new Failure(toolFailures.mcp_resource_not_found, { uri: uri.slice(0, 500) });
}

/** Undefined where the key may not use it, or there is no such server. */
async function findNamed(
  { mcpCatalog, offerBook }: FindDeps,
  { tenantId, models }: Caller,
  name: string,
): Promise<{ readonly server: McpServer; readonly own: string; readonly offer: Offer } | undefined> {
  const parts = splitToolName(name);
  const server = parts && mayCall(models, name) ? mcpCatalog.find(tenantId, parts.server) : undefined;
  return parts && server && { server, own: parts.tool, offer: await offerBook.of(server) };
}

function readArguments({ arguments: given = {} }: RpcParams): RpcParams {
  if (!isObject(given)) throw refuseField("arguments", "must be an object", "必须是对象");
  return given;
}

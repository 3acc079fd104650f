import type { IncomingMessage } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { toExpectedFailure } from "@lyss/kit/http/failure-reply.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import manifest from "../../package.json" with { type: "json" };
import { readTags } from "../call/read-tags.ts";
import { refuseField } from "../call/refuse-field.ts";
import { watchCaller } from "../call/watch-caller.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { parseExact } from "../dialects/exact-json.ts";
import type { OpenCall } from "../open-calls.ts";
import { callTool } from "./call-tool.ts";
import {
  isObject,
  isRpcId,
  type RpcId,
  type RpcMessage,
  type RpcParams,
  toErrorText,
  toResultText,
  toRpcMessage,
} from "./json-rpc.ts";
import { listTools } from "./list-tools.ts";
import { createMcpReply, type McpReply, withToken } from "./mcp-reply.ts";
import { isProtocolVersion, latestVersion, protocolVersions, sessionHeader, versionHeader } from "./protocol.ts";

type RpcRequest = Extract<RpcMessage, { kind: "request" }>;

/**
 * One message of a client (Streamable HTTP, MCP 2025-11-25). Nothing of a client is kept between two of them, but for calls that are
 * under way. Throws a Failure for what is no message, or from elsewhere than it may be; whatever else goes wrong is answered as
 * JSON-RPC has it.
 */
export async function serveMcp(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { req, res, body, requestId, context } = exchange;
  const caller = requireCaller(exchange);
  checkHead(deps, req);
  const message = readMessage(body);
  if (message.kind !== "request") {
    if (message.kind === "notification") hear(deps, caller, req, message);
    res.writeHead(202, { "content-length": "0", "x-request-id": requestId }).end();
    return;
  }
  const callId = message.method === "tools/call" ? deps.random.id("call") : undefined;
  const sessionId = message.method === "initialize" ? deps.random.id("mcps") : undefined;
  const reply = createMcpReply(deps, exchange, { callId, sessionId });
  try {
    const result =
      callId === undefined ? await answer(deps, caller, message) : await call(deps, exchange, message, reply, callId);
    reply.end(toResultText(message.id, result));
  } catch (err) {
    const failure = toExpectedFailure(err, { traceId: context.traceId, requestId, locale: context.locale }, deps.log);
    reply.end(toErrorText(message.id, failure, context.locale));
  } finally {
    reply.stop();
  }
}

/** Throws `origin_refused` and `invalid_request`. */
function checkHead({ allowedOrigins }: Pick<AiGatewayDeps, "allowedOrigins">, { headers }: IncomingMessage): void {
  const { origin } = headers;
  // A page of somebody else's must not reach us by a name that it has turned to our address (MCP, "Security Warning").
  if (origin !== undefined && !allowedOrigins().has(origin)) {
    throw new Failure(kitFailures.permission_denied, { permission: `Origin ${origin.slice(0, 200)}` });
  }
  const version = headers[versionHeader];
  if (version !== undefined && !isProtocolVersion(version)) {
    const known = protocolVersions.join(", ");
    throw refuseField(versionHeader, `must be one of ${known}`, `必须是以下之一：${known}`);
  }
}

/** Throws `invalid_request` for what is no message of JSON-RPC 2.0. */
function readMessage(body: Buffer): RpcMessage {
  let json: unknown;
  try {
    json = parseExact(body.toString("utf8"));
  } catch {
    throw refuseField("body", "must be JSON", "必须是 JSON");
  }
  const message = toRpcMessage(json);
  if (message) return message;
  throw refuseField(
    "body",
    "must be one message of JSON-RPC 2.0, not a batch",
    "必须是一条 JSON-RPC 2.0 消息，不支持批量",
  );
}

/** What needs nothing but what is known here. */
async function answer(deps: AiGatewayDeps, caller: Caller, { method, params }: RpcRequest): Promise<string> {
  switch (method) {
    case "initialize":
      return JSON.stringify(toInitialized(params));
    case "ping":
      return "{}";
    case "tools/list": {
      const { cursor } = params;
      if (cursor !== undefined && typeof cursor !== "string")
        throw refuseField("cursor", "must be a string", "必须是字符串");
      return JSON.stringify(await listTools(deps, caller, cursor));
    }
    default:
      throw new Failure(kitFailures.unimplemented, { method });
  }
}

function toInitialized({ protocolVersion }: RpcParams) {
  return {
    protocolVersion: isProtocolVersion(protocolVersion) ? protocolVersion : latestVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "lyss", title: "Lyss", version: manifest.version },
  };
}

/** `tools/call`: ends when its caller leaves or cancels it, or when this process stops. */
async function call(
  deps: AiGatewayDeps,
  { req, res, requestId, ...exchange }: Exchange,
  { id, params }: RpcRequest,
  reply: McpReply,
  callId: string,
): Promise<string> {
  if (deps.openCalls.isStopping) throw new Failure(aiGatewayFailures.shutting_down);
  const caller = requireCaller(exchange);
  const { name, arguments: given = {}, _meta } = params;
  if (typeof name !== "string") throw refuseField("name", "must be a tool's name", "必须是工具名称");
  if (!isObject(given)) throw refuseField("arguments", "must be an object", "必须是对象");
  const token = isObject(_meta) ? _meta["progressToken"] : undefined;
  const wantsProgress = isRpcId(token) && reply.canStream;
  const abort = new AbortController();
  const watch = watchCaller({ res, abort, clock: deps.clock }, () => 0);
  const open: OpenCall = {
    ...{ previous: undefined, next: undefined },
    abort: (failure) => abort.abort(failure),
  };
  const key = callKeyOf(caller, req, id);
  deps.openCalls.begin(open);
  deps.toolCalls.set(key, abort);
  try {
    return await callTool(deps, {
      ...{ caller, callId, requestId, tags: readTags(req), name, arguments: given, abort },
      onProgress: wantsProgress ? (said) => reply.progress(withToken(said, token)) : undefined,
    });
  } finally {
    deps.toolCalls.delete(key);
    deps.openCalls.end(open);
    watch.stop();
  }
}

/** A client takes back what it asked. The call may be under way elsewhere or over: then nothing happens, as the protocol says. */
function hear(
  { toolCalls }: Pick<AiGatewayDeps, "toolCalls">,
  caller: Caller,
  req: IncomingMessage,
  { method, params }: Extract<RpcMessage, { kind: "notification" }>,
): void {
  const { requestId } = params;
  if (method === "notifications/cancelled" && isRpcId(requestId))
    toolCalls.get(callKeyOf(caller, req, requestId))?.abort();
}

/** Clients count their requests from 0: a call is known by its session as well, and belongs to whoever made it. */
function callKeyOf({ tenantId, userId, keyId }: Caller, { headers }: IncomingMessage, id: RpcId): string {
  return JSON.stringify([tenantId, userId, keyId, headers[sessionHeader] ?? "", id]);
}

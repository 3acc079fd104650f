import type { IncomingMessage } from "node:http";
import { mcpCallCanceled } from "@lyss/contracts/events/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { toExpectedFailure } from "@lyss/kit/http/failure-reply.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import manifest from "../../package.json" with { type: "json" };
import { readTags } from "../call/read-tags.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import {
  isObject,
  isRpcId,
  type RpcId,
  type RpcMessage,
  type RpcParams,
  toErrorText,
  toResultText,
} from "../servers/json-rpc.ts";
import { readRpcMessage } from "../servers/read-rpc-message.ts";
import { runForCaller } from "../servers/run-for-caller.ts";
import { callServer } from "./call-server.ts";
import { checkHead } from "./check-head.ts";
import { complete } from "./complete.ts";
import { isPaidMethod } from "./find-target.ts";
import { capabilitiesFor, isListMethod, listOffers } from "./list-offers.ts";
import { isLogLevel, logLevels } from "./log-level.ts";
import { createMcpReply, type McpReply, withToken } from "./mcp-reply.ts";
import { isProtocolVersion, latestVersion, sessionHeader } from "./protocol.ts";
import { toolCodeOf } from "./rpc-codes.ts";
import { requireSession, sessionOf } from "./session-owner.ts";
import { changeSubscription, isSubscription } from "./subscribe.ts";

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
  const message = readRpcMessage(body);
  if (message.kind !== "request") {
    if (message.kind === "notification") await hear(deps, caller, req, message);
    res.writeHead(202, { "content-length": "0", "x-request-id": requestId }).end();
    return;
  }
  const callId = isPaidMethod(message.method) ? deps.random.id("call") : undefined;
  const sessionId = message.method === "initialize" ? deps.random.id("mcps") : undefined;
  const reply = createMcpReply(deps, exchange, { callId, sessionId });
  try {
    const result = isAsked(message.method)
      ? await ask(deps, exchange, message, reply, callId)
      : await answer(deps, caller, message, req);
    reply.end(toResultText(message.id, result));
  } catch (err) {
    const failure = toExpectedFailure(err, { traceId: context.traceId, requestId, locale: context.locale }, deps.log);
    reply.end(toErrorText(message.id, failure, context.locale, toolCodeOf));
  } finally {
    reply.stop();
  }
}

/** What needs nothing but what is known here. */
async function answer(
  deps: AiGatewayDeps,
  caller: Caller,
  { method, params }: RpcRequest,
  req: IncomingMessage,
): Promise<string> {
  if (isListMethod(method)) {
    const { cursor } = params;
    if (cursor !== undefined && typeof cursor !== "string")
      throw refuseField("cursor", "must be a string", "必须是字符串");
    return JSON.stringify(await listOffers(deps, method, caller, cursor));
  }
  if (method === "ping") return "{}";
  if (method === "logging/setLevel") {
    await setLogLevel(deps, caller, params, req);
    return "{}";
  }
  if (isSubscription(method)) {
    await changeSubscription(deps, method, caller, requireSession(req), params);
    return "{}";
  }
  if (method !== "initialize") throw new Failure(kitFailures.unimplemented, { method });
  const { protocolVersion } = params;
  return JSON.stringify({
    protocolVersion: isProtocolVersion(protocolVersion) ? protocolVersion : latestVersion,
    capabilities: await capabilitiesFor(deps, caller),
    serverInfo: { name: "lyss", title: "Lyss", version: manifest.version },
  });
}

/** Throws `invalid_request` for what is no level, and where there is no session to set it for. */
async function setLogLevel(
  { logLevels: levels }: Pick<AiGatewayDeps, "logLevels">,
  caller: Caller,
  { level }: RpcParams,
  req: IncomingMessage,
): Promise<void> {
  const known = logLevels.join(", ");
  if (!isLogLevel(level)) throw refuseField("level", `must be one of ${known}`, `必须是以下之一：${known}`);
  await levels.set(caller, requireSession(req), level);
}

/** Whether one of the servers is asked. */
function isAsked(method: string): boolean {
  return isPaidMethod(method) || method === "completion/complete";
}

/** Ends when its caller leaves or cancels it, or when this process stops. */
async function ask(
  deps: AiGatewayDeps,
  { req, res, requestId, ...exchange }: Exchange,
  { id, method, params }: RpcRequest,
  reply: McpReply,
  callId: string | undefined,
): Promise<string> {
  const caller = requireCaller(exchange);
  const key = callKeyOf(caller, req, id);
  return runForCaller(deps, res, async (abort) => {
    deps.serverCalls.set(key, abort);
    try {
      if (callId === undefined || !isPaidMethod(method)) {
        return JSON.stringify(await complete(deps, caller, params, abort.signal));
      }
      const { _meta } = params;
      const token = isObject(_meta) ? _meta["progressToken"] : undefined;
      const wantsProgress = isRpcId(token) && reply.canStream;
      const session = reply.canStream ? sessionOf(req) : undefined;
      const level = session === undefined ? undefined : await deps.logLevels.find(caller, session);
      return await callServer(deps, {
        ...{ caller, callId, requestId, tags: readTags(req), method, params, abort },
        onProgress: wantsProgress
          ? (said) => reply.notify("notifications/progress", withToken(said, token))
          : undefined,
        log: level && { level, onLogged: (logged) => reply.notify("notifications/message", logged) },
      });
    } finally {
      deps.serverCalls.delete(key);
    }
  });
}

/** A client takes back what it asked, here or at another process. It may be over: then nothing happens, as the protocol says. */
async function hear(
  { serverCalls, db, outbox }: Pick<AiGatewayDeps, "serverCalls" | "db" | "outbox">,
  caller: Caller,
  req: IncomingMessage,
  { method, params }: Extract<RpcMessage, { kind: "notification" }>,
): Promise<void> {
  const { requestId } = params;
  if (method !== "notifications/cancelled" || !isRpcId(requestId)) return;
  const call = callKeyOf(caller, req, requestId);
  const here = serverCalls.get(call);
  if (here) return here.abort();
  // Without a session of ours a request is known at its own process alone.
  if (sessionOf(req) === undefined) return;
  await db.transaction((tx) => outbox.append(tx, mcpCallCanceled, { tenantId: caller.tenantId, call }));
}

/** Clients count their requests from 0: a call is known by its session as well, and belongs to whoever made it. */
function callKeyOf({ tenantId, userId, keyId }: Caller, { headers }: IncomingMessage, id: RpcId): string {
  return JSON.stringify([tenantId, userId, keyId, headers[sessionHeader] ?? "", id]);
}

import type { IncomingMessage } from "node:http";
import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { toExpectedFailure } from "@lyss/kit/http/failure-reply.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { readTags } from "../call/read-tags.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type RpcMessage, toErrorText, toResultText } from "../servers/json-rpc.ts";
import { readRpcMessage } from "../servers/read-rpc-message.ts";
import { runForCaller } from "../servers/run-for-caller.ts";
import { type Agent, mayCallAgent } from "./agent.ts";
import { createAgentReply } from "./agent-reply.ts";
import { type AgentCall, askAgent, callAgent } from "./call-agent.ts";
import {
  extensionsHeaders,
  isPaid,
  isStreamed,
  type Operation,
  type ProtocolVersion,
  readOperation,
  readReferences,
  readVersion,
  refuseVersion,
} from "./protocol.ts";
import type { AgentInterface } from "./read-card.ts";
import type { ReferenceOwner } from "./reference-store.ts";
import { agentCodeOf } from "./rpc-codes.ts";

type RpcRequest = Extract<RpcMessage, { kind: "request" }>;

/** What a request is, as far as that can be known without its agent. */
interface Asked {
  readonly version: ProtocolVersion;
  readonly operation: Operation;
}

/**
 * One request of a client of an agent's (A2A over JSON-RPC, 1.0 and 0.3). Throws a Failure for what is no request; whatever else goes wrong is answered as
 * JSON-RPC has it, in a stream as its last event.
 */
export async function serveAgent(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { req, body, requestId, context, params } = exchange;
  const request = readRequest(body);
  const asked = tryRead(() => readAsked(req, request));
  const operation = asked.kind === "done" ? asked.value.operation : "get";
  const callId = isPaid(operation) ? deps.random.id("call") : "";
  const reply = createAgentReply(deps, exchange, { callId, isStreamed: isStreamed(operation) });
  try {
    if (asked.kind === "failed") throw asked.err;
    const name = params["agent"] ?? "";
    const onEvent = (text: string, signal: AbortSignal) => reply.event(toResultText(request.id, text), signal);
    const result = await call(deps, exchange, { name, request, callId, onEvent, ...asked.value });
    reply.end(result === undefined ? undefined : toResultText(request.id, result));
  } catch (err) {
    const failure = toExpectedFailure(err, { traceId: context.traceId, requestId, locale: context.locale }, deps.log);
    reply.end(toErrorText(request.id, failure, context.locale, agentCodeOf));
  } finally {
    reply.stop();
  }
}

/** Throws `invalid_request`. */
function readRequest(body: Buffer): RpcRequest {
  const message = readRpcMessage(body);
  if (message.kind === "request") return message;
  throw refuseField("body", "must be a request with an id", "必须是带有 id 的请求");
}

function readAsked(req: IncomingMessage, { method }: RpcRequest): Asked {
  const version = readVersion(req);
  return { version, operation: readOperation(version, method) };
}

type Tried<Value> =
  | { readonly kind: "done"; readonly value: Value }
  | { readonly kind: "failed"; readonly err: unknown };

function tryRead<Value>(read: () => Value): Tried<Value> {
  try {
    return { kind: "done", value: read() };
  } catch (err) {
    return { kind: "failed", err };
  }
}

interface CallInput extends Asked, Pick<AgentCall, "callId" | "onEvent"> {
  readonly name: string;
  readonly request: RpcRequest;
}

async function call(
  deps: AiGatewayDeps,
  { req, res, requestId, ...exchange }: Exchange,
  { name, request, version, operation, ...given }: CallInput,
): Promise<string | undefined> {
  const caller = requireCaller(exchange);
  const agent = requireAgent(deps, caller, name);
  const { method, params } = request;
  const extensions = readExtensions(req, version);
  const tags = readTags(req);
  const { tasks, context } = readReferences(operation, params);
  const at = await findInterface(deps, agent, { version, operation, method });
  const owner = ownerOf(agent, caller);
  const foreign = tasks.length === 0 ? undefined : await deps.references.findForeign(owner, tasks);
  if (foreign !== undefined) throw notYours(agent, foreign);
  return runForCaller(deps, res, async (abort) => {
    const made: AgentCall = {
      ...{ caller, agent, version, operation, method, params, at, owner, extensions, requestId, tags, abort, ...given },
    };
    if (!isPaid(operation)) return askAgent(deps, made);
    if (context && !(await deps.references.claim(owner, [context]))) throw notYours(agent, context.id);
    return callAgent(deps, made);
  });
}

/** One that the caller's key may use. Throws `agent_not_found`. */
export function requireAgent(
  { agentCatalog }: Pick<AiGatewayDeps, "agentCatalog">,
  { tenantId, models }: Pick<Caller, "tenantId" | "models">,
  name: string,
): Agent {
  const agent = mayCallAgent(models, { name }) ? agentCatalog.find(tenantId, name) : undefined;
  if (agent) return agent;
  throw new Failure(agentFailures.agent_not_found, { agent: name.slice(0, 100) });
}

/** Throws `invalid_request` for a version that the agent does not speak, `unimplemented` for a stream that it has not, and what was wrong with its card. */
async function findInterface(
  { cardBook }: Pick<AiGatewayDeps, "cardBook">,
  agent: Agent,
  { version, operation, method }: Asked & { readonly method: string },
): Promise<AgentInterface> {
  const { interfaces, isStreaming } = await cardBook.of(agent);
  const at = interfaces.get(version);
  if (!at) throw refuseVersion([...interfaces.keys()]);
  if (isStreamed(operation) && !isStreaming) throw new Failure(kitFailures.unimplemented, { method });
  return at;
}

function ownerOf({ serverId }: Agent, { tenantId, keyId, userId }: Caller): ReferenceOwner {
  return { serverId, tenantId, ownerId: keyId || userId };
}

/** A thing of another's answers like one that is not there. */
function notYours({ name }: Agent, id: string): Failure {
  return new Failure(agentFailures.agent_task_not_found, { agent: name, id });
}

function readExtensions({ headers }: IncomingMessage, version: ProtocolVersion): string | undefined {
  const said = headers[extensionsHeaders[version]];
  if (said === undefined) return undefined;
  const text = String(said);
  if (/^[\x20-\x7e]{1,4096}$/.test(text)) return text;
  throw refuseField(
    "A2A-Extensions",
    "must be visible ASCII of at most 4,096 characters",
    "必须是不超过 4,096 个可见 ASCII 字符",
  );
}

import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { type Answer, requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { CredentialCache } from "../credential-cache.ts";
import { parseExact } from "../dialects/exact-json.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import { openHeaders } from "../servers/open-headers.ts";
import { maxAnswerBytes, readBytes, readRpcMessages } from "../servers/read-rpc-messages.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import type { UpstreamPools } from "../upstream-pools.ts";
import { type Agent, cardPath, upstreamOf } from "./agent.ts";
import { extensionsHeaders, type ProtocolVersion, versionHeader } from "./protocol.ts";
import { type AgentCard, readCard } from "./read-card.ts";

/** One request to an agent. */
export interface AgentRequest {
  readonly path: string;
  readonly version: ProtocolVersion;
  readonly method: string;
  readonly params: RpcParams;
  /** Extensions of the protocol that the caller asks for; undefined for none. */
  readonly extensions: string | undefined;
  readonly isStreamed: boolean;
  readonly signal: AbortSignal;
  /** Called once, when a byte of it may have left. */
  onSent(): void;
}

/** The way to agents: the one place from which one is called. */
export interface AgentLink {
  /**
   * The results of a request, one or, of a stream, each as it comes. Who stops early ends it. Throws `agent_refused` for an error of the agent's, `agent_failed`
   * for a refused credential, an RpcAnswerError, an UpstreamError, or the signal's reason.
   */
  request(agent: Agent, request: AgentRequest): AsyncGenerator<RpcParams, void, undefined>;
  /** What it says of itself. Throws as `request` does. */
  fetchCard(agent: Agent, signal: AbortSignal): Promise<AgentCard>;
}

const maxCardBytes = 262_144;
/** Of a stream: the time limit of its call ends it long before, unless it is an attack. */
const maxStreamBytes = 268_435_456;
/** Each request is alone on its connection: its id need not be told from another's. */
const requestId = 1;

export const unauthorized = { en_US: "it refuses the credential that is stored for it", zh_CN: "拒绝了为其保存的凭据" };

export function createAgentLink({
  pools,
  credentials,
}: {
  readonly pools: UpstreamPools;
  readonly credentials: CredentialCache;
}): AgentLink {
  async function send(
    agent: Agent,
    {
      method,
      path,
      body,
      headers,
    }: { method: "GET" | "POST"; path: string; body?: Buffer; headers: Record<string, string> },
    { signal, onSent }: Pick<AgentRequest, "signal" | "onSent">,
  ): Promise<Answer> {
    const upstream = upstreamOf(agent);
    const pool = pools.poolOf(upstream);
    const given = await openHeaders(credentials, upstream);
    const start = toRequestStart({
      ...{ method, path, authority: pool.authority },
      headers: { ...given, ...headers, "user-agent": "lyss" },
    });
    onSent();
    const answer = await requestAnswer(pool, composeRequest(start, body), signal);
    const { status } = answer.head;
    if (status !== 401 && status !== 403) return answer;
    answer.discard();
    const { en_US, zh_CN } = unauthorized;
    const details = { agent: agent.name, fault: "unauthorized", reason: en_US, reason_zh_CN: zh_CN };
    throw new Failure(agentFailures.agent_failed, details);
  }

  return {
    async *request(agent, { path, version, method, params, extensions, isStreamed, ...sending }) {
      const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: requestId, method, params }));
      const headers = {
        ...{ "content-type": "application/json", accept: isStreamed ? "text/event-stream" : "application/json" },
        ...{ [versionHeader]: version, ...(extensions !== undefined && { [extensionsHeaders[version]]: extensions }) },
      };
      const answer = await send(agent, { method: "POST", path, body, headers }, sending);
      const maxBytes = isStreamed ? maxStreamBytes : maxAnswerBytes;
      for await (const message of readRpcMessages(answer, requestId, { maxMessageBytes: maxAnswerBytes, maxBytes })) {
        if (message.kind === "error") {
          throw new Failure(agentFailures.agent_refused, { agent: agent.name, rpcCode: message.code });
        }
        if (message.kind !== "result" || message.id !== requestId) throw new RpcAnswerError("malformed");
        yield message.result;
      }
    },
    async fetchCard(agent, signal) {
      const path = new URL(agent.url + cardPath).pathname;
      const headers = { accept: "application/json", [versionHeader]: "1.0" };
      const answer = await send(agent, { method: "GET", path, headers }, { signal, onSent: () => undefined });
      try {
        if (answer.head.status !== 200) throw new RpcAnswerError("status");
        if (answer.head.find("content-encoding") !== undefined) throw new RpcAnswerError("malformed");
        return readCard(parseCard(await readBytes(answer, maxCardBytes)));
      } finally {
        answer.discard();
      }
    },
  };
}

function parseCard(bytes: Buffer): unknown {
  try {
    return parseExact(bytes.toString("utf8"));
  } catch {
    throw new RpcAnswerError("malformed");
  }
}

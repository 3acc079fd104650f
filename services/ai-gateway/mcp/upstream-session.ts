import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { type Answer, requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { UpstreamPool } from "@lyss/kit/http/upstream/upstream-pool.ts";
import { isObject, type RpcMessage, type RpcParams, rpcCodes } from "../servers/json-rpc.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import { isHeardFrom, type LogLevel } from "./log-level.ts";
import type { McpServer } from "./mcp-server.ts";
import { isProtocolVersion, latestVersion, sessionHeader, versionHeader } from "./protocol.ts";
import { type News, readNews } from "./read-news.ts";
import { type RpcAnswer, readRpcAnswer } from "./read-rpc-answer.ts";

/** One request to a tool server, and what is heard while it is answered. */
export interface UpstreamRequest {
  readonly method: string;
  readonly params: RpcParams;
  readonly signal: AbortSignal;
  /** Called once, when a byte of it may have left. */
  onSent?(): void;
  onProgress?(params: RpcParams): void;
  /** What its caller wants to hear of what the server logs meanwhile. */
  readonly log?: { readonly level: LogLevel; onLogged(params: RpcParams): void } | undefined;
}

export interface Listening {
  readonly signal: AbortSignal;
  /** After which event the stream is to go on, where the server counts them. */
  readonly lastEventId: string | undefined;
  /** The stream is there. `session` is another object for another session. */
  onOpen(session: object): void;
  onNews(news: News): void;
}

/** A tool server as one caller speaks to it. */
export interface UpstreamSession {
  /**
   * The result. A session that the server has forgotten is opened again, once: it did nothing with the request. Throws `tool_refused` for an error of the server's,
   * `tool_server_unauthorized`, a RpcAnswerError, an UpstreamError, or the signal's reason.
   */
  request(request: UpstreamRequest): Promise<RpcParams>;
  /**
   * Hears what the server says of its own accord, until its stream ends or breaks off; `none` where it has no such stream. Throws
   * `tool_server_unauthorized`, a RpcAnswerError, an UpstreamError, or the signal's reason.
   */
  listen(listening: Listening): Promise<"ended" | "none">;
  /** What the server said that it has when the session was opened, which it is for this if need be. */
  capabilities(signal: AbortSignal): Promise<RpcParams>;
  /** Tells the server that nobody comes back. Never rejects. */
  close(): Promise<void>;
}

export interface UpstreamSessionDeps {
  readonly server: McpServer;
  readonly pool: UpstreamPool;
  /** What is sent with each request: who we are, to the server. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** Whether a request that was refused (401) with these headers is to be sent once more, with new ones. */
  isWorthAnother(headers: Readonly<Record<string, string>>): boolean;
}

/** Told to nobody else. */
interface Opened {
  readonly sessionId: string | undefined;
  readonly version: string;
  readonly capabilities: RpcParams;
  /** From which level on the server was told to log. */
  logLevel: LogLevel | undefined;
}

const clientInfo = { name: "lyss", title: "Lyss", version: "1" };
const maxSessionIdLength = 1_024;
/** Requests of the server's that are answered within one of ours; more is taken for an attack. */
const maxAskedBack = 20;
const cancelLimitMs = 5_000;
const openLimitMs = 30_000;

/** A session that opens with its first request. */
export function createUpstreamSession({ server, pool, headers, isWorthAnother }: UpstreamSessionDeps): UpstreamSession {
  const path = new URL(server.url).pathname;
  let opened: Promise<Opened> | undefined;
  let lastId = 0;

  /** A request that was refused for its token did nothing, and is sent once more with another. */
  async function post(message: object, at: Opened | undefined, signal: AbortSignal, onSent?: () => void) {
    const given = await headers();
    onSent?.();
    const answer = await postWith(given, message, at, signal);
    if (answer.head.status !== 401 || !isWorthAnother(given)) return answer;
    answer.discard();
    return postWith(await headers(), message, at, signal);
  }

  function postWith(
    given: Readonly<Record<string, string>>,
    message: object,
    at: Opened | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const start = toRequestStart({
      ...{ method: "POST", path, authority: pool.authority },
      headers: {
        ...given,
        ...{ "content-type": "application/json", accept: "application/json, text/event-stream", "user-agent": "lyss" },
        ...(at && { [versionHeader]: at.version }),
        ...(at?.sessionId !== undefined && { [sessionHeader]: at.sessionId }),
      },
    });
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    return requestAnswer(pool, composeRequest(start, body), signal);
  }

  /** A request that has no body: for the stream of a session, and for its end. */
  async function askAbout(
    method: "GET" | "DELETE",
    { version, sessionId }: Opened,
    signal: AbortSignal,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const given = { ...(await headers()), "user-agent": "lyss", [versionHeader]: version, ...more };
    const own = sessionId === undefined ? {} : { [sessionHeader]: sessionId };
    const start = toRequestStart({ method, path, authority: pool.authority, headers: { ...given, ...own } });
    return requestAnswer(pool, composeRequest(start, undefined), signal);
  }

  /** A message that gets no answer of its own. */
  async function tell(message: object, at: Opened, signal: AbortSignal): Promise<void> {
    (await post(message, at, signal)).discard();
  }

  async function open(signal: AbortSignal): Promise<Opened> {
    const id = ++lastId;
    const params = { protocolVersion: latestVersion, capabilities: {}, clientInfo };
    const answer = await post({ id, method: "initialize", params }, undefined, signal);
    const sessionId = answer.head.find(sessionHeader);
    const result = toResult(await readAnswer(answer, id), server);
    const { protocolVersion: version, capabilities } = result;
    if (!isProtocolVersion(version)) throw new RpcAnswerError("version");
    if (sessionId !== undefined && !/^[\x21-\x7e]+$/.test(sessionId.slice(0, maxSessionIdLength + 1))) {
      throw new RpcAnswerError("malformed");
    }
    if (sessionId !== undefined && sessionId.length > maxSessionIdLength) throw new RpcAnswerError("too_large");
    const now = { sessionId, version, capabilities: isObject(capabilities) ? capabilities : {}, logLevel: undefined };
    await tell({ method: "notifications/initialized" }, now, signal);
    return now;
  }

  function readAnswer(answer: Answer, id: number, at?: Opened, request?: UpstreamRequest): Promise<RpcAnswer> {
    let askedBack = 0;
    const { status } = answer.head;
    if (status === 401 || status === 403) {
      answer.discard();
      throw new Failure(toolFailures.tool_server_unauthorized, { server: server.name });
    }
    return readRpcAnswer(answer, id, {
      onProgress: (params) => request?.onProgress?.(params),
      onLogged: (params) => request?.log?.onLogged(params),
      onRequest(asked) {
        if (!at || !request || ++askedBack > maxAskedBack) throw new RpcAnswerError("malformed");
        answerBack(asked, at, request.signal);
      },
    });
  }

  /** Nothing is offered to a server but that it may see whether we are there. */
  function answerBack({ id, method }: Extract<RpcMessage, { kind: "request" }>, at: Opened, signal: AbortSignal): void {
    const refused = { code: rpcCodes.unknownMethod, message: `${method} is not offered` };
    const said = method === "ping" ? { result: {} } : { error: refused };
    tell({ id, ...said }, at, signal).catch(() => undefined);
  }

  /** One session for all who come while it opens; who gives up alone does not end it for them. */
  function current(signal: AbortSignal): Promise<Opened> {
    opened ??= open(AbortSignal.timeout(Math.min(server.timeoutMs, openLimitMs))).catch((err) => {
      opened = undefined;
      throw err;
    });
    return orAborted(opened, signal);
  }

  async function send(request: UpstreamRequest, at: Opened): Promise<RpcAnswer | "forgotten"> {
    const id = ++lastId;
    const { method, params, signal, onSent } = request;
    const wantsProgress = request.onProgress && { _meta: { ...asMeta(params), progressToken: id } };
    const tellCanceled = () => {
      const told = { method: "notifications/cancelled", params: { requestId: id, reason: "the caller has left" } };
      tell(told, at, AbortSignal.timeout(cancelLimitMs)).catch(() => undefined);
    };
    signal.addEventListener("abort", tellCanceled, { once: true });
    try {
      const sent = { id, method, params: { ...params, ...wantsProgress } };
      const answer = await post(sent, at, signal, onSent?.bind(request));
      if (answer.head.status === 404 && at.sessionId !== undefined) {
        answer.discard();
        return "forgotten";
      }
      return await readAnswer(answer, id, at, request);
    } finally {
      signal.removeEventListener("abort", tellCanceled);
    }
  }

  /** The session is its owner's, who may have several clients: the server says what any of them wants to hear. What becomes of that is no call's affair. */
  async function askToLog(at: Opened, { log, signal }: UpstreamRequest): Promise<void> {
    if (!log || at.capabilities["logging"] === undefined) return;
    const { level } = log;
    if (at.logLevel && isHeardFrom(at.logLevel, level)) return;
    at.logLevel = level;
    const asked = { method: "logging/setLevel", params: { level }, signal };
    await send(asked, at).catch(() => signal.throwIfAborted());
  }

  return {
    async request(request) {
      const { signal } = request;
      let at = await current(signal);
      await askToLog(at, request);
      let answer = await send(request, at);
      if (answer === "forgotten") {
        opened = undefined;
        at = await current(signal);
        await askToLog(at, request);
        answer = await send(request, at);
      }
      if (answer === "forgotten") throw new RpcAnswerError("status");
      return toResult(answer, server);
    },
    async listen({ signal, lastEventId, onOpen, onNews }) {
      const at = await current(signal);
      const after = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
      const answer = await askAbout("GET", at, signal, { accept: "text/event-stream", ...after });
      const { head } = answer;
      const isStream = head.status === 200 && /^text\/event-stream\b/i.test(head.find("content-type") ?? "");
      if (!isStream) {
        answer.discard();
        if (head.status === 401 || head.status === 403) {
          isWorthAnother(await headers());
          throw new Failure(toolFailures.tool_server_unauthorized, { server: server.name });
        }
        if (head.status === 404 && at.sessionId !== undefined) opened = undefined;
        else if (head.status >= 400 && head.status < 500) return "none";
        throw new RpcAnswerError("status");
      }
      onOpen(at);
      for await (const news of readNews(answer)) {
        if (news.message.kind === "request") answerBack(news.message, at, signal);
        else onNews(news);
      }
      return "ended";
    },
    capabilities: async (signal) => (await current(signal)).capabilities,
    async close() {
      const at = await opened?.catch(() => undefined);
      opened = undefined;
      if (at?.sessionId === undefined) return;
      try {
        (await askAbout("DELETE", at, AbortSignal.timeout(cancelLimitMs))).discard();
      } catch {
        // It forgets by itself.
      }
    },
  };
}

/** What `work` gives, or the signal's reason if that comes first. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function asMeta({ _meta }: RpcParams): RpcParams {
  return isObject(_meta) ? _meta : {};
}

function toResult(answer: RpcAnswer, { name }: McpServer): RpcParams {
  if (answer.kind === "result") return answer.result;
  throw new Failure(toolFailures.tool_refused, { server: name, rpcCode: answer.code });
}

import { Agent, type ClientRequest, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type Duplex, pipeline } from "node:stream";
import type { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { toContextHeaders } from "../rpc/context-headers.ts";
import type { Clock } from "../service/clock.ts";
import type { Call } from "./call.ts";
import { createDrainableSockets, type DrainableSockets } from "./drain-sockets.ts";
import { mustDropConnection } from "./failure-reply.ts";
import { joinSockets } from "./join-sockets.ts";
import { hasBody } from "./read-body.ts";
import type { RawRoute } from "./route.ts";
import { markUpgraded, onCut, protocolsOf, upgradeOf } from "./upgrade.ts";

/** Tells the peer from where the client called; believed only from a peer that has shown the token. */
export const clientAddressHeader = "lyss-client-address";

/** What the client sent as `Authorization`, for a route that reads it; believed as the address is. */
export const clientAuthorizationHeader = "lyss-client-authorization";

/** Where a request goes on. */
export interface ForwardTarget {
  readonly service: string;
  /** Base URL of the peer, http only: peers on other machines are reached through a mesh or a tunnel. */
  readonly peerUrl: string;
  readonly bodyLimitBytes: number;
  /** Client headers that this route reads, besides those that all routes get. */
  readonly headers?: readonly string[] | undefined;
  /** What the client of a WebSocket hears that may not go on. */
  readonly toLastWords?: RawRoute["toLastWords"];
}

/**
 * Sends a request on to a peer and streams its answer back. Resolves when the answer has ended or the client has left.
 * Rejects with `kit.unavailable`, `kit.deadline_exceeded` or `kit.body_too_large` while nothing has been answered yet;
 * once the head is out, a peer that fails cuts the client's connection.
 */
export type Forward = (target: ForwardTarget, req: IncomingMessage, res: ServerResponse, call: Call) => Promise<void>;

export interface ForwardOptions {
  /** Shown to the peer. */
  readonly peerToken: Secret;
  readonly clock: Clock;
  /** Names, in lower case, of client headers that the services behind understand, besides the ordinary ones. */
  readonly allowedHeaders?: readonly string[];
  /** A field of a query that holds a credential, on these paths: it goes no further. */
  readonly withheldQuery?: { readonly path: RegExp; readonly field: string };
  /** WebSocket subprotocols that hold a credential: they go no further. */
  readonly withheldProtocols?: RegExp;
  readonly connectTimeoutMs?: number;
  /** How long a peer may stay silent, before its head or within its stream. */
  readonly idleTimeoutMs?: number;
  readonly maxConnectionsPerPeer?: number;
}

/** Sends requests on to peers over kept connections. */
export interface Forwarder {
  readonly forward: Forward;
  /** Ends WebSockets: those that are quiet at once, all others when the signal aborts. */
  drain(signal: AbortSignal): void;
  /** Ends idle connections. */
  close(): void;
}

/**
 * What of a client's head a peer gets to see. Hop-by-hop and X-Forwarded-* are not among it, credentials and cookies only
 * where a route reads them.
 */
const ordinaryHeaders = [
  ...["accept", "accept-language", "content-type", "content-length", "user-agent", "range"],
  ...["content-encoding", "if-match", "if-none-match", "idempotency-key", "last-event-id"],
];

/** Headers that belong to one connection (RFC 9110, 7.6.1). */
const hopByHopHeaders = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "te", "trailer", "transfer-encoding"],
  ...["upgrade", "x-request-id"],
]);

/** A forwarder whose connections to each peer are kept and shared. */
export function createForwarder(options: ForwardOptions): Forwarder {
  const { clock, connectTimeoutMs = 2_000, idleTimeoutMs = 600_000 } = options;
  const allowed = [...ordinaryHeaders, ...(options.allowedHeaders ?? [])];
  // One agent: it pools by host and port, and obeys the peer's Keep-Alive hint.
  const agent = new Agent({ keepAlive: true, maxSockets: options.maxConnectionsPerPeer ?? 1_024, maxFreeSockets: 256 });

  const peers = new Map<string, URL>();
  const sockets = createDrainableSockets(clock);

  function open(target: ForwardTarget, req: IncomingMessage, call: Call, isUpgrade: boolean): ClientRequest {
    const base = peers.get(target.peerUrl) ?? parsePeerUrl(target.peerUrl);
    peers.set(target.peerUrl, base);
    const headers: Record<string, string> = {};
    for (const name of target.headers ? [...allowed, ...target.headers] : allowed) {
      const value = req.headers[name];
      if (typeof value === "string") headers[name === "authorization" ? clientAuthorizationHeader : name] = value;
    }
    Object.assign(headers, toContextHeaders(call.context, clock), {
      authorization: `Bearer ${options.peerToken.reveal()}`,
      [clientAddressHeader]: call.clientAddress,
      ...(isUpgrade && upgradeHeaders(req, options.withheldProtocols)),
    });
    const outgoing = request({
      agent,
      host: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port || 80,
      method: req.method ?? "GET",
      path: withoutField(req.url ?? "/", options.withheldQuery),
      headers,
      timeout: idleTimeoutMs,
    });
    outgoing.once("timeout", () =>
      outgoing.destroy(new Failure(kitFailures.deadline_exceeded, { timeoutMs: idleTimeoutMs })),
    );
    outgoing.once("socket", (socket) => {
      if (!socket.connecting) return;
      const cancel = clock.setTimer(connectTimeoutMs, () =>
        outgoing.destroy(new Error("the connection took too long")),
      );
      socket.once("connect", cancel).once("close", cancel);
    });
    return outgoing;
  }

  async function forward(target: ForwardTarget, req: IncomingMessage, res: ServerResponse, call: Call): Promise<void> {
    const outgoing = open(target, req, call, upgradeOf(res) !== undefined);
    res.once("close", () => outgoing.destroy());
    try {
      sendBody(req, outgoing, target.bodyLimitBytes);
      await relayAnswer(outgoing, { target, req, res, call, clock, sockets });
    } catch (cause) {
      if (res.destroyed) return;
      if (cause instanceof Failure) throw cause;
      throw new Failure(kitFailures.unavailable, { service: target.service }, { cause });
    }
  }

  return { forward, drain: sockets.drain, close: () => agent.destroy() };
}

/** A request target without a field of its query; all others stay as they were written. */
function withoutField(target: string, withheld: ForwardOptions["withheldQuery"]): string {
  const start = target.indexOf("?");
  if (start < 0 || !withheld || !withheld.path.test(target)) return target;
  const kept = target
    .slice(start + 1)
    .split("&")
    .filter((field) => !new URLSearchParams(field).has(withheld.field));
  return target.slice(0, start) + (kept.length > 0 ? `?${kept.join("&")}` : "");
}

// Piped by hand, not by `pipeline`: that would cut the client off when the peer fails, and it is still owed an answer.
function sendBody(req: IncomingMessage, outgoing: ClientRequest, limitBytes: number): void {
  if (!hasBody(req)) {
    outgoing.end();
    return;
  }
  let sizeBytes = 0;
  req.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) outgoing.destroy(new Failure(kitFailures.body_too_large, { limitBytes }));
  });
  req.pipe(outgoing);
}

interface Forwarded {
  readonly target: ForwardTarget;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly call: Call;
  readonly clock: Clock;
  readonly sockets: DrainableSockets;
}

function relayAnswer(outgoing: ClientRequest, forwarded: Forwarded): Promise<void> {
  const { req, res } = forwarded;
  return new Promise((resolve, reject) => {
    outgoing.once("error", reject);
    const onClose = () => reject(new Error("the peer closed the connection without an answer"));
    outgoing.once("close", onClose);
    outgoing.once("upgrade", (answer, socket, head) => {
      outgoing.off("close", onClose);
      joinUpgraded(answer, { peer: socket, head }, forwarded).then(resolve, reject);
    });
    outgoing.once("response", (answer) => {
      if (mustDropConnection(req)) res.shouldKeepAlive = false;
      res.writeHead(answer.statusCode ?? 502, endToEndHeaders(answer));
      // The head of a stream must not wait for its first event.
      res.flushHeaders();
      pipeline(answer, res, (err) => {
        if (err) res.destroy();
        resolve();
      });
    });
  });
}

/** What opens a WebSocket at the peer, without what was for the edge alone. */
function upgradeHeaders(req: IncomingMessage, withheld: RegExp | undefined): Record<string, string> {
  const headers: Record<string, string> = { connection: "Upgrade", upgrade: "websocket" };
  for (const name of ["sec-websocket-key", "sec-websocket-version"]) {
    const value = req.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  const protocols = protocolsOf(req).filter((one) => !withheld?.test(one));
  if (protocols.length > 0) headers["sec-websocket-protocol"] = protocols.join(", ");
  return headers;
}

interface UpgradedPeer {
  readonly peer: Duplex;
  /** What it has sent behind its head. */
  readonly head: Buffer;
}

/** Both connections become one; resolves when they have ended. Whose sender may not go on hears why, and the peer that it has left. */
async function joinUpgraded(
  answer: IncomingMessage,
  { peer, head }: UpgradedPeer,
  { target, res, call, clock, sockets }: Forwarded,
): Promise<void> {
  const upgrade = upgradeOf(res);
  if (!upgrade || res.closed) {
    peer.destroy();
    return;
  }
  // Its pings and its limits are the service's own affair.
  answer.socket.setTimeout(0);
  const { socket } = upgrade;
  const own = Object.entries(res.getHeaders()).map(([name, value]) => `${name}: ${value}`);
  const lines = [...pairsOf(answer), ...own];
  markUpgraded(res);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) peer.unshift(head);
  if (upgrade.head.length > 0) socket.unshift(upgrade.head);
  const joined = joinSockets(socket, peer, clock);
  sockets.add(joined);
  const { ended, end } = joined;
  const { toLastWords } = target;
  const { requestId, context } = call;
  if (toLastWords) onCut(res, (why) => end(toLastWords(why, { requestId, locale: context.locale })));
  await ended;
}

function pairsOf({ rawHeaders }: IncomingMessage): string[] {
  const lines: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "x-request-id") lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  }
  return lines;
}

/** A peer's base URL. Throws a TypeError for one that is not plain `http://host:port`. */
export function parsePeerUrl(peerUrl: string): URL {
  const url = new URL(peerUrl);
  if (url.protocol !== "http:" || url.pathname !== "/" || url.username || url.search) {
    throw new TypeError(
      `a peer's address must look like http://host:port, not ${url.protocol}//${url.host}${url.pathname}`,
    );
  }
  return url;
}

function endToEndHeaders(answer: IncomingMessage): string[] {
  const { rawHeaders } = answer;
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (!hopByHopHeaders.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1] ?? "");
  }
  return headers;
}

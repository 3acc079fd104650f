import type { IncomingMessage, ServerResponse } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { headerOf } from "./request-head.ts";
import { markUpgraded, upgradeOf } from "./upgrade.ts";

export interface AcceptOptions {
  /** The subprotocol that is chosen, one of those that the client offers; undefined for none. */
  readonly protocol: string | undefined;
  /** A longer message closes the connection with 1009. */
  readonly maxMessageBytes: number;
  /** Go out with the answer, beside those that it has. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Asked {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

const keyPattern = /^[A-Za-z0-9+/]{22}==$/;

/** True for a request that `acceptWebSocket` can answer. Throws `kit.invalid_request` for a handshake that is none (RFC 6455, 4.2.1). */
export function asksForWebSocket({ req, res }: Asked): boolean {
  if (!upgradeOf(res)) return false;
  const isKey = keyPattern.test(headerOf(req, "sec-websocket-key") ?? "");
  if (isKey && headerOf(req, "sec-websocket-version") === "13") return true;
  const field = isKey ? "sec-websocket-version" : "sec-websocket-key";
  const [reason, reason_zh_CN] = isKey
    ? ["must be 13", "必须为 13"]
    : ["must be 16 bytes in base64", "必须是 16 字节的 base64"];
  throw new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}

/**
 * Answers a request with a WebSocket. Undefined when its client has left meanwhile. To be called once, after `asksForWebSocket`.
 * Messages are not compressed: what compresses them keeps memory for each connection, and lets a few bytes become many.
 */
export function acceptWebSocket({ req, res }: Asked, options: AcceptOptions): WebSocket | undefined {
  const upgrade = upgradeOf(res);
  if (!upgrade || res.closed || !upgrade.socket.readable) return undefined;
  const { protocol, maxMessageBytes: maxPayload } = options;
  const handleProtocols = () => protocol ?? false;
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload, handleProtocols });
  server.once("headers", (lines) => {
    for (const [name, value] of Object.entries({ ...res.getHeaders(), ...options.headers }))
      lines.push(`${name}: ${value}`);
  });
  markUpgraded(res);
  let accepted: WebSocket | undefined;
  server.handleUpgrade(req, upgrade.socket, upgrade.head, (socket) => {
    accepted = socket;
  });
  return accepted;
}

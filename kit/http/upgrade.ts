import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Failure } from "../errors/failure.ts";

/** A connection whose client wants to speak WebSocket (RFC 6455) on it. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What the client has sent behind its head. */
  readonly head: Buffer;
}

const upgrades = new WeakMap<ServerResponse, Upgrade>();

/**
 * True for a request that `takeUpgrades` is to get: a WebSocket's. Any other upgrade, and one with a body, is served as if it were
 * none, as RFC 9110 (7.8) allows.
 */
export function isWebSocketRequest({ method, headers }: Pick<IncomingMessage, "method" | "headers">): boolean {
  const { upgrade, "content-length": length, "transfer-encoding": encoding } = headers;
  return method === "GET" && upgrade?.toLowerCase() === "websocket" && length === undefined && encoding === undefined;
}

/**
 * Serves requests for a WebSocket by the same handler as all others: what it answers goes out as HTTP and ends the connection, unless it
 * takes the connection over (`markUpgraded`). The answer is closed when the connection is. The server is to be made with
 * `shouldUpgradeCallback: isWebSocketRequest`.
 */
export function takeUpgrades(server: Server, onRequest: (req: IncomingMessage, res: ServerResponse) => void): void {
  server.on("upgrade", (req, socket, head) => {
    // A connection may break at any time; its close is what is listened to.
    socket.on("error", () => socket.destroy());
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(req.socket);
    res.once("finish", () => req.socket.destroySoon());
    upgrades.set(res, { socket, head });
    onRequest(req, res);
  });
}

/** What can be taken over of an answer's connection; undefined where its client did not ask for a WebSocket. */
export function upgradeOf(res: ServerResponse): Upgrade | undefined {
  return upgrades.get(res);
}

/** From now on the connection speaks something else: nothing can be answered on it any more, and it counts as a 101. */
export function markUpgraded(res: ServerResponse): void {
  res.statusCode = 101;
  Object.defineProperty(res, "headersSent", { value: true });
}

const endings = new WeakMap<ServerResponse, (why: Failure) => void>();

/**
 * Whoever has taken the connection over ends it itself when its sender may not go on, so that the client hears why. Called once; a
 * connection that is still there when that is found out again is destroyed.
 */
export function onCut(res: ServerResponse, end: (why: Failure) => void): void {
  endings.set(res, end);
}

/** Ends an answer whose sender may not go on. */
export function cut(res: ServerResponse, why: Failure): void {
  const end = endings.get(res);
  endings.delete(res);
  if (end) end(why);
  else res.destroy();
}

/** The subprotocols that a client offers, in its order. */
export function protocolsOf(req: Pick<IncomingMessage, "headers">): readonly string[] {
  const offered = req.headers["sec-websocket-protocol"] ?? "";
  return offered.split(",").flatMap((one) => one.trim() || []);
}

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { takeUpgrades } from "@lyss/kit/http/upgrade.ts";
import { acceptWebSocket, asksForWebSocket } from "@lyss/kit/http/web-socket.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { authenticate } from "./authenticate.ts";
import { findSimulatedModel } from "./catalogue.ts";
import { createRealtimeSession } from "./realtime-session.ts";
import { vendorOf } from "./vendors.ts";
import { WireError } from "./wire-error.ts";

const maxMessageBytes = 16_777_216;

export interface Sessions {
  readonly apiKey: string;
  readonly clock: Clock;
  readonly directives?: Readonly<Record<string, string>>;
  /** What cuts each that has not ended. */
  readonly underWay: Set<() => void>;
  readonly nextId: () => string;
}

/** Serves `GET /v1/realtime?model=…` on connections that ask for a WebSocket. */
export function takeSessions(server: Server, sessions: Sessions): void {
  takeUpgrades(server, (req, res) => {
    try {
      open(sessions, req, res);
    } catch (err) {
      const known =
        err instanceof WireError ? err : new WireError(400, "The handshake of your WebSocket is not valid.");
      res.writeHead(known.status, { "content-type": "application/json" });
      res.end(JSON.stringify({ error: known.error }));
    }
  });
}

function open(
  { apiKey, clock, directives, underWay, nextId }: Sessions,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const { pathname, searchParams } = new URL(req.url ?? "", "http://simulator");
  authenticate(apiKey, vendorOf(pathname, req.headers), req.headers);
  const name = searchParams.get("model") ?? "";
  const model = findSimulatedModel(name);
  if (pathname !== "/v1/realtime" || model?.kind !== "realtime") {
    const message = `The model \`${name.slice(0, 64)}\` does not exist or has no sessions.`;
    throw new WireError(404, message, { param: "model", code: "model_not_found" });
  }
  if (!asksForWebSocket({ req, res })) throw new WireError(426, "This endpoint speaks WebSocket.");
  const socket = acceptWebSocket({ req, res }, { protocol: undefined, maxMessageBytes, headers: {} });
  if (!socket) return;
  const cut = () => socket.terminate();
  underWay.add(cut);
  socket.once("close", () => underWay.delete(cut));
  socket.on("error", () => undefined);
  createRealtimeSession({ socket, clock, model, directives: directives ?? {}, nextId });
}

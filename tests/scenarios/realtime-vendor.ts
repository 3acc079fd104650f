import { EventEmitter, once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** One session at the vendor. */
export interface VendorSession {
  readonly socket: WebSocket;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly heard: Record<string, unknown>[];
  say(event: object): void;
  /** Resolves with the next event of that type, or the first that came. */
  untilHeard(type: string): Promise<Record<string, unknown>>;
  /** How the gateway closed it. */
  readonly closed: Promise<number>;
}

/** A provider of realtime sessions that does and says only what a test tells it to. */
export async function startRealtimeVendor(t: { after(work: () => Promise<void>): void }) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const sessions: VendorSession[] = [];
  const came = new EventEmitter();
  server.on("connection", (socket, { url = "", headers }) => {
    const heard: Record<string, unknown>[] = [];
    const session: VendorSession = {
      ...{ socket, url, headers, heard, say: (event) => socket.send(JSON.stringify(event)) },
      closed: once(socket, "close").then(([code]) => code as number),
      async untilHeard(type) {
        for (;;) {
          const found = heard.find((event) => event["type"] === type);
          if (found) return found;
          await once(socket, "message");
        }
      },
    };
    socket.on("error", () => undefined);
    socket.on("message", (data) => void heard.push(JSON.parse(String(data))));
    session.say({ type: "session.created", session: { type: "realtime", model: "vendor-voice" } });
    sessions.push(session);
    came.emit("session");
  });
  t.after(async () => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    /** The n-th session, from 0. */
    async session(n: number): Promise<VendorSession> {
      while (!sessions[n]) await once(came, "session");
      return sessions[n];
    },
    get count() {
      return sessions.length;
    },
  };
}

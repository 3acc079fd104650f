import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** What nobody is to connect to: it counts who does. */
export interface Sink {
  readonly port: number;
  readonly connections: number;
}

/** Listens on every address of this machine. Closes with the scope. */
export async function openSink(t: TestScope): Promise<Sink> {
  const sockets = new Set<Socket>();
  const sink = { port: 0, connections: 0 };
  const server = createServer((socket) => {
    sink.connections++;
    sockets.add(socket.on("error", () => {}));
  });
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await listen(server, "::").catch(() => listen(server, "0.0.0.0"));
  sink.port = (server.address() as AddressInfo).port;
  return sink;
}

async function listen(server: Server, host: string): Promise<void> {
  server.listen(0, host);
  await once(server, "listening");
}

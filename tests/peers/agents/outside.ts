import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** All that is not on this machine: a proxy that lets nobody out, and knows who wanted to. */
export async function startOutside(t: TestScope) {
  const wanted: string[] = [];
  const server = createServer((req, res) => {
    wanted.push(`${req.method} ${req.url}`);
    res.writeHead(403).end();
  });
  server.on("connect", (req, socket) => {
    wanted.push(`CONNECT ${req.url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, wanted: wanted as readonly string[] };
}

import { once } from "node:events";
import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** A proxy before `target` that passes everything on, and knows what was asked and with which status it was answered. */
export async function startFront(t: TestScope, target: string) {
  const seen: string[] = [];
  const { hostname: host, port } = new URL(target);
  const server = createServer((req, res) => {
    const path = String(req.url).split("?")[0];
    const up = request({ host, port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
      seen.push(`${req.method} ${path} ${answer.statusCode}`);
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    up.on("error", () => res.destroy());
    res.on("close", () => up.destroy());
    req.pipe(up);
  });
  server.on("upgrade", (req, socket, head) => {
    seen.push(`WebSocket ${req.url}`);
    const names = req.rawHeaders.flatMap((name, at) =>
      at % 2 === 0 ? [`${name}: ${req.rawHeaders[at + 1]}\r\n`] : [],
    );
    const up = connect(Number(port), host, () => {
      up.write(`${req.method} ${req.url} HTTP/1.1\r\n${names.join("")}\r\n`);
      up.write(head);
      up.pipe(socket);
      socket.pipe(up);
    });
    up.on("error", () => socket.destroy());
    socket.on("error", () => up.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen: seen as readonly string[] };
}

/** The floor: node:http that answers every request with the same bytes. Takes their number; prints `listening <port>`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const body = "x".repeat(Number(process.argv[2]));
const headers = { "content-type": "application/json", "cache-control": "no-store" };
const server = createServer((_req, res) => void res.writeHead(200, headers).end(body));
server.listen({ host: "127.0.0.1", port: 0 }, () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
process.on("SIGTERM", () => process.exit(0));

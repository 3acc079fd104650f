/**
 * The floor of a gateway in Node: a program that joins each connection to one of the upstream's, and looks at nothing. Prints
 * `listening <port>`. Takes the upstream's port.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const upstreamPort = Number(process.argv[2]);

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: "127.0.0.1", port: upstreamPort, noDelay: true });
  pass(client, upstream);
  pass(upstream, client);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 }, () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
process.on("SIGTERM", () => process.exit(0));

function pass(from: Socket, to: Socket): void {
  from.on("data", (bytes) => {
    if (!to.write(bytes)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroy());
}

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below those that Linux gives to outgoing connections (net.ipv4.ip_local_port_range, from 32,768): one of them would now and
 * then take a port before its server does.
 */
const [firstPort, endPort] = [20_000, 32_000];

/** Ports of loopback, each another, on which nothing listened a moment ago. Drawn, so that tests at once do not get the same. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(firstPort, endPort);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  await once(server.close(), "close");
  return true;
}

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createPeerFolder, createPeerProgram, findFreePort, type PeerProgram } from "./peer-program.ts";
import { closeInReverse, type TestScope } from "./postgres.ts";

const runFile = promisify(execFile);

/** A redis-server of a test's own, which keeps nothing on disk: each start is empty. */
export interface RedisServer extends PeerProgram {
  readonly port: number;
}

/** Starts one on a free loopback port. It needs Debian's `redis-server`, or Valkey under that name. */
export async function startRedis(t: TestScope): Promise<RedisServer> {
  const server = await createRedis(t, []);
  await server.start();
  return server;
}

/** Starts three masters that share the slots; resolves when all of them serve. */
export async function startRedisCluster(t: TestScope): Promise<readonly RedisServer[]> {
  const options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
  // A node also listens 10,000 ports above its own.
  const isFit = (port: number) => port + 10_000 <= 65_535;
  const servers = await Promise.all([1, 2, 3].map(() => createRedis(t, options, isFit)));
  for (const server of servers) await server.start();
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await runFile("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], { timeout: 30_000 });
  for (const { port } of servers) await untilClusterServes(port);
  return servers;
}

async function createRedis(
  t: TestScope,
  options: readonly string[],
  isFit?: (port: number) => boolean,
): Promise<RedisServer> {
  const scope = closeInReverse(t);
  const port = await findFreePort(isFit);
  const dir = createPeerFolder(scope, "redis");
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"];
  const readyText = "Ready to accept connections";
  return { ...createPeerProgram(scope, { command: "redis-server", args: [...args, ...options], readyText }), port };
}

async function untilClusterServes(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const { stdout } = await runFile("redis-cli", ["-p", String(port), "cluster", "info"]);
    if (stdout.includes("cluster_state:ok")) return;
  }
  throw new Error("the Redis cluster does not come up");
}

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findFreePorts } from "./free-ports.ts";
import { createPeerFolder, createPeerProgram, findFreePort, type PeerProgram } from "./peer-program.ts";
import { closeInReverse, type TestScope } from "./test-cluster.ts";

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

/** Starts one that follows `primary`; resolves when it has all that the primary has. */
export async function startRedisReplica(t: TestScope, primary: RedisServer): Promise<RedisServer> {
  const server = await createRedis(t, ["--replicaof", "127.0.0.1", String(primary.port)]);
  await server.start();
  await untilSays(server.port, ["info", "replication"], "master_link_status:up");
  return server;
}

/** What a fail-over does: the replica takes writes, and stands where its primary stood, which has ended. */
export async function promoteReplica(replica: RedisServer, primary: RedisServer): Promise<void> {
  await runFile("redis-cli", ["-p", String(replica.port), "replicaof", "no", "one"]);
  await runFile("redis-cli", ["-p", String(replica.port), "config", "set", "port", String(primary.port)]);
}

/** Starts three masters that share the slots; resolves when all of them serve. */
export async function startRedisCluster(t: TestScope): Promise<readonly RedisServer[]> {
  const options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
  // Unless it is said, a node also listens 10,000 ports above its own, where any connection may begin.
  const busPorts = await findFreePorts(3);
  const servers = await Promise.all(busPorts.map((port) => createRedis(t, [...options, "--cluster-port", `${port}`])));
  for (const server of servers) await server.start();
  const addresses = servers.map(({ port }, at) => `127.0.0.1:${port}@${busPorts[at]}`);
  await runFile("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], { timeout: 30_000 });
  for (const { port } of servers) await untilSays(port, ["cluster", "info"], "cluster_state:ok");
  return servers;
}

async function createRedis(t: TestScope, options: readonly string[]): Promise<RedisServer> {
  const scope = closeInReverse(t);
  const port = await findFreePort();
  const dir = createPeerFolder(scope, "redis");
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"];
  // A primary waits 5 s for more replicas before it begins to fill one.
  args.push("--repl-diskless-sync-delay", "0");
  const readyText = "Ready to accept connections";
  return { ...createPeerProgram(scope, { command: "redis-server", args: [...args, ...options], readyText }), port };
}

async function untilSays(port: number, question: readonly string[], text: string): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (performance.now() < deadlineMs) {
    const { stdout } = await runFile("redis-cli", ["-p", String(port), ...question]);
    if (stdout.includes(text)) return;
  }
  throw new Error(`Redis does not come to say ${text} within 30 s`);
}

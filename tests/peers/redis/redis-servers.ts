import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const runFile = promisify(execFile);

/** One redis-server of a test's own. */
export interface RedisServer {
  readonly port: number;
  /** Starts it on its port and waits until it serves. */
  start(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Stops it in its tracks, connections open, and lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Kills it and removes its files. */
  remove(): Promise<void>;
}

/** A server that keeps nothing on disk, ready to start on a free loopback port. */
export async function createRedisServer(isCluster = false): Promise<RedisServer> {
  const port = await findFreePort(isCluster);
  const dir = mkdtempSync(join(tmpdir(), "lyss-redis-"));
  const options = ["--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"].map(String);
  if (isCluster) options.push("--cluster-enabled", "yes", "--cluster-node-timeout", "2000");
  let child: ChildProcess | undefined;

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  return {
    port,
    async start() {
      const started = spawn("redis-server", options, { stdio: ["ignore", "pipe", "inherit"] });
      child = started;
      for await (const line of createInterface({ input: started.stdout })) {
        if (line.includes("Ready to accept connections")) break;
      }
      started.stdout.resume();
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`);
    },
    kill,
    signal: (signal) => child?.kill(signal),
    async remove() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Three masters that share the slots. */
export async function startRedisCluster(): Promise<readonly RedisServer[]> {
  const servers = await Promise.all([1, 2, 3].map(() => createRedisServer(true)));
  for (const server of servers) await server.start();
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await runFile("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], { timeout: 30_000 });
  for (const { port } of servers) await untilClusterServes(port);
  return servers;
}

async function untilClusterServes(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const { stdout } = await runFile("redis-cli", ["-p", String(port), "cluster", "info"]);
    if (stdout.includes("cluster_state:ok")) return;
  }
  throw new Error("the Redis cluster does not come up");
}

/** A cluster node also listens 10,000 ports above its own. */
async function findFreePort(isCluster: boolean): Promise<number> {
  for (;;) {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    if (!isCluster || port + 10_000 <= 65_535) return port;
  }
}

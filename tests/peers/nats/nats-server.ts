import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A NATS server of our own with JetStream, on a free loopback port and in a folder of its own. */
export interface NatsServer {
  readonly address: string;
  /** Starts it again, with what is on disk. */
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Everything that it has stored is lost. While it does not run. */
  wipe(): void;
}

/** Starts a server that ends with the test. Rejects when it ends before it is ready. */
export async function startNats(t: { after(work: () => Promise<void>): void }): Promise<NatsServer> {
  const dir = mkdtempSync(join(tmpdir(), "lyss-nats-"));
  const port = await findFreePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", join(dir, "store")];
    const started = spawn("nats-server", args, { stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    for await (const line of createInterface({ input: started.stderr })) {
      if (line.includes("Server is ready")) return void started.stderr.resume();
    }
    throw new Error("nats-server ended before it was ready");
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  t.after(async () => {
    await kill();
    rmSync(dir, { recursive: true, force: true });
  });
  await start();
  return {
    address: `127.0.0.1:${port}`,
    start,
    kill,
    wipe: () => rmSync(join(dir, "store"), { recursive: true, force: true }),
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../db/embedded-postgres.ts";
import { systemClock } from "../service/clock.ts";
import { silentLog, type TestScope } from "./test-cluster.ts";

/** A place for a PostgreSQL server that one test has to itself: to stop it, to kill it, to look at it from scratch. */
export interface OwnServer {
  readonly dir: string;
  /** Starts or adopts the server; durable, as in production. */
  start(): Promise<EmbeddedPostgres>;
  /** Of the running server. */
  processId(): number;
  /** Ends the running server as a crash would. */
  kill(): void;
}

/** An empty folder outside the shared server's. Servers and folder are gone when the scope ends. */
export function createOwnServer(t: TestScope): OwnServer {
  const parent = mkdtempSync(path.join(os.tmpdir(), "lyss-embedded-"));
  const dir = path.join(parent, "database");
  const servers: EmbeddedPostgres[] = [];
  const processId = () =>
    Number.parseInt(readFileSync(path.join(dir, "cluster", "data", "postmaster.pid"), "utf8"), 10);
  t.after(async () => {
    for (const server of servers) await server.stop();
    rmSync(parent, { recursive: true, force: true });
  });
  return {
    dir,
    async start() {
      const server = await startEmbeddedPostgres({ dir, log: silentLog, clock: systemClock });
      servers.push(server);
      return server;
    },
    processId,
    kill() {
      process.kill(processId(), "SIGKILL");
    },
  };
}

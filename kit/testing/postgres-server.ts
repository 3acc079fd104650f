import { existsSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pino } from "pino";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../db/embedded-postgres.ts";
import { systemClock } from "../service/clock.ts";

// One server per user and machine, with its data kept between runs. Nothing in it is worth an fsync.
const dir = path.join(os.tmpdir(), `lyss-test-postgres-${os.userInfo().uid}`);
const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" };

let server: Promise<EmbeddedPostgres> | undefined;

/**
 * The PostgreSQL server that all test processes share. It runs as long as one of them uses it; with `global-setup.ts`,
 * for the whole run. Throws when it cannot run: a test that needs it fails, and is never skipped.
 */
export function startPostgresServer(): Promise<EmbeddedPostgres> {
  const log = pino({ level: "silent" });
  const start = () => startEmbeddedPostgres({ dir, log, clock: systemClock, settings });
  server ??= start().catch((err: unknown) => {
    // Without fsync a crash of the machine may have ruined it, or another version made it. Never below a live server.
    if (existsSync(path.join(dir, "cluster", "data", "postmaster.pid"))) throw err;
    rmSync(dir, { recursive: true, force: true });
    return start();
  });
  return server;
}

/** Lets go of the server, which ends with the last process that uses it. Does nothing in one that never started it. */
export async function stopPostgresServer(): Promise<void> {
  await (await server)?.stop();
}

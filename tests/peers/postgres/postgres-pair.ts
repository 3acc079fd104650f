import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgres } from "@lyss/kit/db/driver.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";

/** Two servers of Debian's PostgreSQL: a primary, and a standby that confirms every commit. */
export interface PostgresPair {
  readonly primary: PostgresNode;
  readonly standby: PostgresNode;
  /** Both hosts, and the wish for the one that takes writes. */
  readonly url: string;
  /** kill -9 of the primary and all its children. */
  killPrimary(): Promise<void>;
  /** Starts the old primary again with its data as they were, as a machine that comes back does. */
  startOldPrimary(): Promise<void>;
  /** Makes the standby the primary; resolves when it takes writes. */
  promote(): Promise<void>;
}

export interface PostgresNode {
  readonly port: number;
  readonly url: string;
}

const startLimitMs = 30_000;

/** Where Debian keeps the programs of PostgreSQL 15. */
const bin = "/usr/lib/postgresql/15/bin";
/** PostgreSQL refuses to run as root; Debian's package brings this user. */
const asUser = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};

function idOf(flag: string): number {
  return Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
}

/** Starts both; they end with the scope. Throws when Debian's postgresql-15 is not installed. */
export async function startPostgresPair(t: TestScope): Promise<PostgresPair> {
  if (!existsSync(join(bin, "initdb"))) throw new Error(`${bin} is missing: apt-get install postgresql-15`);
  const dir = mkdtempSync(join(tmpdir(), "lyss-pair-"));
  if (asUser.uid !== undefined) chownSync(dir, asUser.uid, asUser.gid);
  const running = new Map<string, ChildProcess>();
  t.after(async () => {
    for (const name of running.keys()) await kill(name);
    rmSync(dir, { recursive: true, force: true });
  });
  const run = (program: string, args: readonly string[]) =>
    execFileSync(join(bin, program), args, { ...asUser, cwd: dir, stdio: "pipe", env: { LC_ALL: "C.UTF-8" } });
  const createNode = async (): Promise<PostgresNode> => {
    const [port = 0] = await findFreePorts(1);
    return { port, url: `postgresql://admin@127.0.0.1:${port}/postgres` };
  };

  async function start(name: string, { port, url }: PostgresNode): Promise<void> {
    const args = ["-D", join(dir, name), "-p", String(port), "-k", dir, "-c", "listen_addresses=127.0.0.1"];
    const child = spawn(join(bin, "postgres"), args, { ...asUser, cwd: dir, stdio: "ignore" });
    running.set(name, child);
    await untilAnswers(url, "select 1");
  }

  async function kill(name: string): Promise<void> {
    const child = running.get(name);
    running.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    // The children of a server notice that it is gone, and end.
    child.kill("SIGKILL");
    await exited;
  }

  const primary = await createNode();
  const standby = await createNode();
  run("initdb", ["-D", join(dir, "primary"), "-U", "admin", "--auth=trust", "--no-sync", "-E", "UTF8"]);
  const settings = ["wal_level = replica", "max_wal_senders = 5", "max_connections = 200", "hot_standby = on"];
  appendFileSync(join(dir, "primary", "postgresql.conf"), `${settings.join("\n")}\n`);
  await start("primary", primary);
  const source = ["-h", "127.0.0.1", "-p", String(primary.port), "-U", "admin"];
  run("pg_basebackup", [...source, "-D", join(dir, "standby"), "-R", "-X", "stream", "--no-sync", "-c", "fast"]);
  appendFileSync(
    join(dir, "standby", "postgresql.auto.conf"),
    `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=admin application_name=standby'\n`,
  );
  await start("standby", standby);
  const admin = postgres(primary.url, { max: 1, onnotice: () => {} });
  await admin`alter system set synchronous_standby_names = 'standby'`;
  await admin`select pg_reload_conf()`;
  await admin.end();
  await untilAnswers(primary.url, "select 1 from pg_stat_replication where sync_state = 'sync'");

  return {
    ...{ primary, standby },
    url: `postgresql://admin@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/postgres?target_session_attrs=read-write`,
    killPrimary: () => kill("primary"),
    startOldPrimary: () => start("primary", primary),
    async promote() {
      // The new primary has no standby, and must not wait for one.
      const sql = postgres(standby.url, { max: 1, onnotice: () => {} });
      await sql`alter system set synchronous_standby_names = ''`;
      await sql`select pg_reload_conf()`;
      await sql`select pg_promote(true, 30)`;
      await sql.end();
      await untilAnswers(standby.url, "select 1 where not pg_is_in_recovery()");
    },
  };
}

/** Asks until a row comes; throws after half a minute. */
async function untilAnswers(url: string, question: string): Promise<void> {
  const endMs = systemClock.monotonicMs() + startLimitMs;
  for (;;) {
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} });
    try {
      if ((await sql.unsafe(question)).length > 0) return;
    } catch (err) {
      if (systemClock.monotonicMs() > endMs) throw err;
    } finally {
      await sql.end({ timeout: 1 });
    }
    if (systemClock.monotonicMs() > endMs) throw new Error(`no answer to: ${question}`);
    await delay(systemClock, 50);
  }
}

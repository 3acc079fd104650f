import { createHmac, randomBytes } from "node:crypto";
import { pino } from "pino";
import type { Sql } from "postgres";
import { type Cluster, type ClusterService, openCluster } from "../db/cluster.ts";
import { postgres } from "../db/driver.ts";
import { systemClock } from "../service/clock.ts";

// Nothing here is of node:test, which watches each promise of a program as soon as it is asked for a hook: benchmarks use this, too,
// and their garbage would cost three times as much.

/** What a helper needs of a test: `t` for one test, `{ after }` of `node:test` for a whole file. */
export interface TestScope {
  after(work: () => Promise<void>): void;
}

/** A scope whose works run last first: what was opened last is closed first. `node:test` runs them first first. */
export function closeInReverse(t: TestScope): TestScope {
  const works: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const work of works.toReversed()) await work();
  });
  return { after: (work) => works.push(work) };
}

export const silentLog = pino({ level: "silent" });

const abandonedAgeMs = 3_600_000;

/** Creates an empty database on a server, dropped with all its sessions when the scope ends. */
export async function createDatabaseOn(serverUrl: string, t: TestScope): Promise<{ readonly adminUrl: string }> {
  const name = `test_${Date.now()}_${randomBytes(4).toString("hex")}`;
  await administer(serverUrl, async (sql) => {
    await sql.unsafe(`create database ${name}`);
  });
  t.after(() =>
    administer(serverUrl, async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`);
      await dropAbandoned(sql);
    }),
  );
  const adminUrl = new URL(serverUrl);
  adminUrl.pathname = `/${name}`;
  return { adminUrl: adminUrl.href };
}

/** A prepared cluster on a fresh database of a server, closed and dropped when the scope ends. */
export async function openClusterOn(
  serverUrl: string,
  t: TestScope,
  services: readonly ClusterService[] = [],
): Promise<OpenedCluster> {
  let cluster: Cluster | undefined;
  t.after(async () => cluster?.close());
  const { adminUrl } = await createDatabaseOn(serverUrl, t);
  cluster = await prepareTestCluster(adminUrl, services);
  return { ...cluster, adminUrl };
}

export type OpenedCluster = Cluster & { readonly adminUrl: string };

/** One more node's cluster on a database that is there, with sessions of its own. Whoever opens it closes it. */
export async function prepareTestCluster(adminUrl: string, services: readonly ClusterService[]): Promise<Cluster> {
  const cluster = openCluster({
    adminUrl,
    deriveKey: deriveTestKey,
    maxConnections: 4 * services.length + 10,
    log: silentLog,
    clock: systemClock,
  });
  await cluster.prepare(services);
  return cluster;
}

/** Keys of a fixed root key: roles belong to the server, so every test must derive the same passwords. */
export function deriveTestKey(purpose: string): Buffer {
  return createHmac("sha256", "the root key of every test").update(purpose).digest();
}

async function administer(url: string, work: (sql: Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}

/** A killed test leaves its database behind. */
async function dropAbandoned(sql: Sql): Promise<void> {
  const rows = await sql<{ datname: string }[]>`select datname from pg_database where datname like 'test\\_%'`;
  for (const { datname } of rows) {
    if (Date.now() - Number(datname.split("_")[1]) > abandonedAgeMs) {
      await sql.unsafe(`drop database if exists ${datname} with (force)`);
    }
  }
}

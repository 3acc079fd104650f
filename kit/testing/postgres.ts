import { createHmac, randomBytes } from "node:crypto";
import { after } from "node:test";
import { pino } from "pino";
import type { Sql } from "postgres";
import { type Cluster, type ClusterService, openCluster } from "../db/cluster.ts";
import { postgres } from "../db/driver.ts";
import { systemClock } from "../service/clock.ts";
import { startPostgresServer, stopPostgresServer } from "./postgres-server.ts";

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

after(stopPostgresServer);

/**
 * Creates an empty database, dropped with all its sessions when the scope ends. On the server of `serverUrl`, by default
 * on the one that all tests share, which writes nothing through to the disk.
 */
export async function createTestDatabase(t: TestScope, serverUrl?: string): Promise<{ readonly adminUrl: string }> {
  const url = serverUrl ?? (await startPostgresServer()).url;
  const name = `test_${Date.now()}_${randomBytes(4).toString("hex")}`;
  await administer(url, async (sql) => {
    await sql.unsafe(`create database ${name}`);
  });
  t.after(() =>
    administer(url, async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`);
      await dropAbandoned(sql);
    }),
  );
  const adminUrl = new URL(url);
  adminUrl.pathname = `/${name}`;
  return { adminUrl: adminUrl.href };
}

/** A prepared cluster on a fresh database as `createTestDatabase` makes it, closed and dropped when the scope ends. */
export async function openTestCluster(
  t: TestScope,
  services: readonly ClusterService[] = [],
  serverUrl?: string,
): Promise<Cluster & { readonly adminUrl: string }> {
  let cluster: Cluster | undefined;
  t.after(async () => cluster?.close());
  const { adminUrl } = await createTestDatabase(t, serverUrl);
  cluster = await prepareTestCluster(adminUrl, services);
  return { ...cluster, adminUrl };
}

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

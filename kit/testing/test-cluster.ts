import { createHash, createHmac, randomBytes } from "node:crypto";
import { pino } from "pino";
import type { Sql } from "postgres";
import { type Cluster, type ClusterService, openCluster } from "../db/cluster.ts";
import { postgres } from "../db/driver.ts";
import { readMigrations } from "../db/migrations.ts";
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

const hourMs = 3_600_000;

/** Creates a database on a server, empty or a copy of another, dropped with all its sessions when the scope ends. */
export async function createDatabaseOn(
  serverUrl: string,
  t: TestScope,
  template = "template1",
): Promise<{ readonly adminUrl: string }> {
  const name = nameDatabase("test");
  await administer(serverUrl, async (sql) => {
    // By the write-ahead log, as is usual, each page goes through the server: that takes four times as long.
    await sql.unsafe(`create database ${name} template ${template} strategy file_copy`);
    // What the preparing of a database takes away stands beside it, and is not copied with it.
    if (template !== "template1") await sql.unsafe(`revoke create, temporary on database ${name} from public`);
  });
  t.after(() =>
    administer(serverUrl, async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`);
      await dropAbandoned(sql);
    }),
  );
  return { adminUrl: urlOf(serverUrl, name) };
}

function nameDatabase(kind: "test" | "template", id = randomBytes(4).toString("hex")): string {
  return `${kind}_${Date.now()}_${id}`;
}

/** Of a URL that may name several hosts, which `URL` does not read. */
function urlOf(serverUrl: string, database: string): string {
  return serverUrl.replace(/^(\w+:\/\/[^/?]*)[^?]*/, `$1/${database}`);
}

/** A prepared cluster on a fresh database of a server, closed and dropped when the scope ends. */
export async function openClusterOn(
  serverUrl: string,
  t: TestScope,
  services: readonly ClusterService[] = [],
): Promise<OpenedCluster> {
  let cluster: Cluster | undefined;
  t.after(async () => cluster?.close());
  const { adminUrl } = await createDatabaseOn(serverUrl, t, await findTemplate(serverUrl, services));
  cluster = await prepareTestCluster(adminUrl, services);
  return { ...cluster, adminUrl };
}

export type OpenedCluster = Cluster & { readonly adminUrl: string };

const templates = new Map<string, Promise<string>>();

/** A database that is prepared for these services, made by the first who asks: preparing takes longer than what most tests do. */
async function findTemplate(serverUrl: string, services: readonly ClusterService[]): Promise<string> {
  const hash = createHash("sha256").update(serverUrl);
  for (const { name, migrations, engine } of services) {
    hash.update(`${name} ${engine !== undefined} `);
    for (const { checksum } of migrations ? await readMigrations(migrations) : []) hash.update(checksum);
  }
  const id = hash.digest("hex").slice(0, 16);
  const template = templates.get(id) ?? makeTemplate(serverUrl, id, services);
  templates.set(id, template);
  return template;
}

async function makeTemplate(serverUrl: string, id: string, services: readonly ClusterService[]): Promise<string> {
  let found = "";
  await administer(serverUrl, async (sql) => {
    await sql`select pg_advisory_lock(hashtext(${id}))`;
    const [made] = await sql<{ datname: string }[]>`
      select datname from pg_database where datname like ${`template\\_%\\_${id}`}`;
    if (made) {
      found = made.datname;
      return;
    }
    const unfinished = nameDatabase("test");
    await sql.unsafe(`create database ${unfinished}`);
    const cluster = await prepareTestCluster(urlOf(serverUrl, unfinished), services);
    for (const { name, engine } of services) if (engine) await cluster.prepareEngine(name);
    await cluster.close();
    found = nameDatabase("template", id);
    await sql.unsafe(`alter database ${unfinished} rename to ${found}`);
  });
  return found;
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

const keepMs = { test: hourMs, template: 24 * hourMs };

/** A killed test leaves its database behind, and a change of migrations leaves a template. */
async function dropAbandoned(sql: Sql): Promise<void> {
  const rows = await sql<{ datname: string }[]>`
    select datname from pg_database where datname like any(array['test\\_%', 'template\\_%'])`;
  for (const { datname } of rows) {
    const [kind, madeMs] = datname.split("_");
    if (Date.now() - Number(madeMs) > keepMs[kind as keyof typeof keepMs]) {
      await sql.unsafe(`drop database if exists ${datname} with (force)`);
    }
  }
}

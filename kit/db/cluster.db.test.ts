import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { pino } from "pino";
import type { Sql } from "postgres";
import { systemClock } from "../service/clock.ts";
import { createOwnServer } from "../testing/own-server.ts";
import { createTestDatabase, openTestCluster } from "../testing/postgres.ts";
import { closeInReverse, deriveTestKey, silentLog, type TestScope } from "../testing/test-cluster.ts";
import { openCluster } from "./cluster.ts";
import { postgres } from "./driver.ts";

const ledgerMigration = `
  create table entry (id bigint primary key, note text not null unique, amount_nanos bigint not null);
  create table draft (id bigint generated always as identity, note text);
  revoke update, delete on entry from lyss_test_ledger;`;

const folder = mkdtempSync(path.join(os.tmpdir(), "lyss-cluster-"));
after(() => rmSync(folder, { recursive: true }));

function migrations(files: Readonly<Record<string, string>>): URL {
  const dir = mkdtempSync(path.join(folder, "migrations-"));
  for (const [name, sql] of Object.entries(files)) writeFileSync(path.join(dir, name), sql);
  return pathToFileURL(`${dir}/`);
}

const ledger = { name: "test-ledger", migrations: migrations({ "0001_ledger.sql": ledgerMigration }) };
const orders = { name: "test-orders", migrations: migrations({ "0001_orders.sql": "create table orders (id int)" }) };

function openNode(t: TestScope, adminUrl: string, options: Partial<Parameters<typeof openCluster>[0]> = {}) {
  const node = openCluster({
    adminUrl,
    deriveKey: deriveTestKey,
    maxConnections: 20,
    log: silentLog,
    clock: systemClock,
    ...options,
  });
  t.after(() => node.close());
  return node;
}

test("a role uses the rows of its own schema, creates nothing, and keeps what a migration took away", async (t) => {
  const cluster = await openTestCluster(t, [ledger, orders]);
  const { sql } = cluster.open("test-ledger");
  await sql`insert into entry values (1, 'first', ${9_007_199_254_740_993n})`;
  await sql`insert into draft (note) values ('sequences work'), ('twice')`;
  await sql`delete from draft`;
  const [row] = await sql`select amount_nanos from entry`;
  assert.equal(row?.amount_nanos, 9_007_199_254_740_993n);

  const denied = { code: "42501" };
  await assert.rejects(sql`update entry set amount_nanos = 0`, denied);
  await assert.rejects(sql`delete from entry`, denied);
  await assert.rejects(sql`truncate entry`, denied);
  await assert.rejects(sql`alter table entry add column extra int`, denied);
  await assert.rejects(sql`select * from test_orders.orders`, denied);
  await assert.rejects(sql`select * from schema_migration`, denied);
  await assert.rejects(sql`create table mine (id int)`, denied);
  await assert.rejects(sql`create table public.mine (id int)`, denied);
  await assert.rejects(sql`create temporary table mine (id int)`, denied);
  await assert.rejects(sql`create schema mine`, denied);
  await assert.rejects(sql`set role lyss_test_orders`, denied);
});

test("arrays of every kind of value are parameters, in queries, transactions and savepoints", async (t) => {
  const { sql, transaction } = (await openTestCluster(t, [orders])).open("test-orders");
  const ids = [1n, 9_007_199_254_740_993n];
  const rows = await sql`
    select * from unnest(${ids}::bigint[], ${[true, false]}::bool[], ${["a", 'b,"{}']}::text[], ${[1, 2]}::int[])
      as row(id, flag, note, count)`;
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [
      { id: 1n, flag: true, note: "a", count: 1 },
      { id: 9_007_199_254_740_993n, flag: false, note: 'b,"{}', count: 2 },
    ],
  );
  const [nested] = await transaction((tx) =>
    tx.savepoint((inner) => inner`select 7::bigint = any(${[7n]}) as is_found`),
  );
  assert.equal(nested?.is_found, true);
  const [bytes] = await sql`select ${[Buffer.from("x")]}::bytea[] as list, ${[]}::bigint[] as nothing`;
  assert.deepEqual({ ...bytes }, { list: [Buffer.from("x")], nothing: [] });
});

test("nodes that prepare one database at once agree, and preparing again changes nothing", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const nodes = [1, 2, 3].map(() => openNode(t, adminUrl));
  await Promise.all(nodes.map((node) => node.prepare([ledger, orders])));
  await Promise.all(nodes.map((node) => node.open("test-orders").sql`insert into orders values (1)`));
  const [row] = await openAdmin(t, adminUrl)`select count(*)::int as count from test_orders.schema_migration`;
  assert.equal(row?.count, 1);
});

function openAdmin(t: TestScope, adminUrl: string): Sql {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  t.after(() => sql.end());
  return sql;
}

test("a failing migration leaves nothing of itself, and the ones before it stay", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const broken = migrations({
    "0001_good.sql": "create table a (id int)",
    "0002_bad.sql": "create table b (id int); oops",
  });
  await assert.rejects(
    openNode(t, adminUrl).prepare([{ name: "test-orders", migrations: broken }]),
    /0002_bad\.sql.*oops/,
  );
  const tables = await openAdmin(
    t,
    adminUrl,
  )`select tablename from pg_tables where schemaname = 'test_orders' order by 1`;
  assert.deepEqual(
    tables.map((row) => row.tablename),
    ["a", "schema_migration"],
  );
});

test("a changed migration, and a database newer than the program, stop the start with the reason", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const one = { "0001_orders.sql": "create table orders (id int)" };
  const both = { ...one, "0002_more.sql": "alter table orders add column note text" };
  const prepare = (files: Readonly<Record<string, string>>) =>
    openNode(t, adminUrl).prepare([{ name: "test-orders", migrations: migrations(files) }]);
  await prepare(one);
  await prepare(both);
  await assert.rejects(prepare(one), /newer than this program.*migration 2/);
  await assert.rejects(
    prepare({ ...both, "0001_orders.sql": "create table orders (id bigint)" }),
    /changed after it was applied/,
  );
});

test("an admin that may create roles and owns the database is enough; superuser is not needed", async (t) => {
  const scope = closeInReverse(t);
  const { url } = await createOwnServer(scope).start();
  const superuser = openAdmin(scope, url);
  await superuser`create role keeper login createrole password 'keeper'`;
  await superuser`create database kept owner keeper`;
  const adminUrl = Object.assign(new URL(url), { username: "keeper", password: "keeper", pathname: "/kept" }).href;
  for (const node of [openNode(scope, adminUrl), openNode(scope, adminUrl)]) {
    await node.prepare([ledger, orders]);
    const { sql, transaction } = node.open("test-orders");
    await sql`insert into orders values (1)`;
    await assert.rejects(sql`create table mine (id int)`, { code: "42501" });
    await assert.rejects(sql`create temporary table mine (id int)`, { code: "42501" });
    await transaction((tx) => tx`select event_log.append('evt_' || pg_backend_pid(), 't', 's', 'k', now(), '{}', '')`);
    const rows = await sql`select * from event_log.read(${["t"]}, 0, 10)`;
    assert.ok(rows.length > 0);
  }
});

test("another root key is refused, since nothing it sealed could be read", async (t) => {
  const { adminUrl } = await openTestCluster(t, [orders]);
  const stranger = openNode(t, adminUrl, { deriveKey: (purpose) => deriveTestKey(`other ${purpose}`) });
  await assert.rejects(stranger.prepare([orders]), /another root key/);
});

test("the pools of a process together never open more sessions than the limit", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const node = openNode(t, adminUrl, { maxConnections: 9 });
  await node.prepare([{ ...ledger, connectionWeight: 3 }, orders]);
  const count = openAdmin(t, adminUrl);
  const load = ["test-ledger", "test-orders", "event_log"].flatMap((name) =>
    Array.from({ length: 20 }, () => node.open(name).sql`select pg_sleep(0.01)`),
  );
  await Promise.all(load);
  const rows =
    await count`select count(*)::int as count from pg_stat_activity where application_name like 'lyss:%' and datname = current_database()`;
  // 9 less 3 in reserve, two each, the rest by weight; the event log's pool is one of the reserve.
  assert.equal(rows[0]?.count, 3 + 2 + 1);
  const small = openNode(t, adminUrl, { maxConnections: 6 });
  await assert.rejects(small.prepare([ledger, orders]), /2 services need 4 database connections/);
});

test("a statement and an idle transaction are ended at the time limit", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const node = openNode(t, adminUrl, { timeoutMs: 50 });
  await node.prepare([orders]);
  const { sql, transaction } = node.open("test-orders");
  await assert.rejects(sql`select pg_sleep(5)`, { code: "57014" });
  const idle = transaction(async (tx) => {
    await tx`select 1`;
    await new Promise(() => {});
  });
  await assert.rejects(idle, /CONNECTION_CLOSED|idle-in-transaction/);
});

test("ping answers while the database does, and says when it does not", async (t) => {
  const cluster = await openTestCluster(t, [orders]);
  const db = cluster.open("test-orders");
  await db.ping(5_000);
  await cluster.close();
  await assert.rejects(db.ping(1_000));
});

test("an error of the database tells a log neither parameters nor values of rows", async (t) => {
  const { sql } = (await openTestCluster(t, [ledger])).open("test-ledger");
  const insert = () => sql`insert into entry values (${1n}, ${"alice@example.org"}, 5)`;
  await insert();
  const err = await insert().then(
    () => assert.fail(),
    (reason: unknown) => reason,
  );
  assert.ok(err instanceof postgres.PostgresError);
  assert.equal(err.code, "23505");
  const lines: string[] = [];
  pino({}, { write: (line: string) => lines.push(line) }).error({ err }, "failed");
  const clash = await sql`insert into entry values (2, ${"alice@example.org"}, 5)`.then(
    () => assert.fail(),
    (reason: unknown) => reason,
  );
  pino({}, { write: (line: string) => lines.push(line) }).error({ err: clash }, "failed");
  assert.doesNotMatch(lines.join("") + inspect(clash), /alice/);
  assert.match((clash as { detail?: string }).detail ?? "", /alice/);
});

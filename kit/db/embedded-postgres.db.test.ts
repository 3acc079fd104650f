import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { Sql } from "postgres";
import { createOwnServer } from "../testing/own-server.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { postgres } from "./driver.ts";

const limits = { timeout: 60_000 };

async function withSql<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 2 });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

test(
  "the server is durable, checks its pages, and is reachable with the password over loopback only",
  limits,
  async (t) => {
    const { dir, start } = createOwnServer(t);
    const { url, isAdopted } = await start();
    assert.equal(isAdopted, false);
    const settings = await withSql(url, async (sql) => {
      const names = ["data_checksums", "fsync", "full_page_writes", "listen_addresses", "synchronous_commit"];
      const rows = await sql`select name, setting from pg_settings where name = any(${names}) order by name`;
      return rows.map((row) => row.setting);
    });
    assert.deepEqual(settings, ["on", "on", "on", "127.0.0.1", "on"]);
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    assert.equal(statSync(path.join(dir, "cluster", "password")).mode & 0o777, 0o600);
    const stranger = new URL(url);
    stranger.password = "guess";
    await assert.rejects(
      withSql(stranger.href, (sql) => sql`select 1`),
      { code: "28P01" },
    );
  },
);

test("processes that start at once share one server, which stops with the last of them", limits, async (t) => {
  const { dir, start } = createOwnServer(t);
  const servers = await Promise.all([start(), start(), start()]);
  assert.equal(new Set(servers.map((server) => server.url)).size, 1);
  assert.equal(servers.filter((server) => !server.isAdopted).length, 1);
  assert.deepEqual(readdirSync(dir), ["cluster"]);
  const [first, second, last] = servers;
  await first?.stop();
  await second?.stop();
  await withSql(last?.url ?? "", (sql) => sql`select 1`);
  await last?.stop();
  await last?.stop();
  await assert.rejects(
    withSql(last?.url ?? "", (sql) => sql`select 1`),
    { code: "ECONNREFUSED" },
  );
});

test("a server in use by somebody else stays when its starter stops", limits, async (t) => {
  const { start } = createOwnServer(t);
  const server = await start();
  await withSql(server.url, async (sql) => {
    await sql`select 1`;
    await server.stop();
    await sql`select 1`;
  });
  const again = await start();
  assert.equal(again.isAdopted, true);
});

test("a server whose starter was killed is adopted, with everything that was committed", limits, async (t) => {
  const { dir, start } = createOwnServer(t);
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL("./embedded-postgres.ts", import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL("../service/clock.ts", import.meta.url).href)};
    const { url } = await startEmbeddedPostgres({ dir: ${JSON.stringify(dir)}, log: { info() {} }, clock: systemClock });
    process.stdout.write(url);`;
  const starter = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [url] = (await once(starter.stdout, "data")).map(String);
  await withSql(url ?? "", (sql) => sql`create table kept as select 1 as id`);
  starter.kill("SIGKILL");
  await once(starter, "exit");

  const adopted = await start();
  assert.deepEqual([adopted.isAdopted, adopted.url], [true, url]);
  await withSql(adopted.url, (sql) => sql`select id from kept`);
  await adopted.stop();
});

test("a killed server comes back with what was committed, also when its process number is taken", limits, async (t) => {
  const { dir, start, kill } = createOwnServer(t);
  const server = await start();
  await withSql(server.url, (sql) => sql`create table kept as select 1 as id`);
  const lockFile = path.join(dir, "cluster", "data", "postmaster.pid");
  const lock = readFileSync(lockFile, "utf8");
  kill();
  await assert.rejects(async () => {
    for (;;) await withSql(server.url, (sql) => sql`select 1`);
  });
  writeFileSync(lockFile, lock.replace(/^\d+/, String(process.pid)));

  const again = await start();
  assert.deepEqual([again.isAdopted, again.url], [false, server.url], "who knew the server finds it where it was");
  const rows = await withSql(again.url, (sql) => sql`select id from kept`);
  assert.equal(rows.length, 1);
});

test("a server that another process has just begun to start is waited for", limits, async (t) => {
  const { dir, start } = createOwnServer(t);
  await (await start()).stop();
  // PostgreSQL makes this file first and then writes into it.
  const lockFile = path.join(dir, "cluster", "data", "postmaster.pid");
  writeFileSync(lockFile, "");
  const starting = start();
  const logFile = path.join(dir, "cluster", "server.log");
  await waitUntil(async () => readFileSync(logFile, "utf8").includes("is empty"));
  rmSync(lockFile);
  assert.equal((await starting).isAdopted, false);
});

test("a start that was cut before it had written anything is in nobody's way later", limits, async (t) => {
  const { dir, start } = createOwnServer(t);
  await (await start()).stop();
  const lockFile = path.join(dir, "cluster", "data", "postmaster.pid");
  writeFileSync(lockFile, "");
  utimesSync(lockFile, 0, 0);
  assert.equal((await start()).isAdopted, false);
});

test("a server that cannot start says why and what else to do", limits, async (t) => {
  const { dir, start } = createOwnServer(t);
  await (await start()).stop();
  writeFileSync(path.join(dir, "cluster", "data", "global", "pg_control"), "ruined");
  await assert.rejects(start(), /pg_control.*LYSS_DATABASE_URL/s);
});

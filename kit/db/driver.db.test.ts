import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { delay, systemClock } from "../service/clock.ts";
import { createChaosProxy } from "../testing/chaos/chaos-proxy.ts";
import { createTestDatabase } from "../testing/postgres.ts";
import { silentLog } from "../testing/test-cluster.ts";
import type { Sql, Tx } from "./database.ts";
import { createPool } from "./pool.ts";

/** A pool, and an admin that can end its sessions. */
async function openPools(t: TestContext, maxConnections: number) {
  const { adminUrl: url } = await createTestDatabase(t);
  const shared = { url, clock: systemClock, log: silentLog };
  const pool = createPool({ ...shared, applicationName: "pool", maxConnections });
  const admin = createPool({ ...shared, applicationName: "admin", maxConnections: 1 });
  t.after(() => pool.close());
  t.after(() => admin.close());
  await admin.sql`create table entry (note text)`;
  return {
    pool,
    notes: async () => (await admin.sql<{ note: string }[]>`select note from entry`).map((row) => row.note),
    kill: (pid: number) => admin.sql`select pg_terminate_backend(${pid}, 5_000)`,
  };
}

const limits = { timeout: 30_000 };
const pidOf = async (sql: Sql | Tx) => {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row?.pid ?? 0;
};

test(
  "a database that falls silent fails what waits for it two seconds after the limit of a statement",
  limits,
  async (t) => {
    const { adminUrl } = await createTestDatabase(t);
    const url = new URL(adminUrl);
    const target = { port: Number(url.port) };
    const proxy = await createChaosProxy({ target, seed: 1, clock: systemClock });
    t.after(proxy.close);
    url.host = `${proxy.host}:${proxy.port}`;
    const shared = { clock: systemClock, log: silentLog, maxConnections: 1, timeoutMs: 500 };
    const pool = createPool({ ...shared, url: url.href, applicationName: "silent" });
    t.after(() => pool.close());
    // Idle for longer than the limit: nobody waits for anything, and nothing is cut.
    const session = await pidOf(pool.sql);
    await delay(systemClock, 2_600);
    assert.equal(await pidOf(pool.sql), session);
    proxy.halfOpen();
    await assert.rejects(pool.sql`select 2`, { code: "CONNECTION_CLOSED" });
    assert.equal((await pool.sql`select 3`).length, 1, "and the next session is a new one");
    proxy.set({ isPartitioned: true });
    const held = pool.sql`select 4`;
    proxy.heal();
    assert.equal((await held).length, 1, "what is only late is waited for");
    proxy.set({ isPartitioned: true });
    const countSockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    const before = countSockets();
    await pool.close();
    while (countSockets() >= before) await new Promise((resolve) => setImmediate(resolve));
  },
);

test("a session that is killed during a query fails its transaction, and nothing else", limits, async (t) => {
  const { pool, kill, notes } = await openPools(t, 1);
  for (let round = 0; round < 5; round++) {
    const pid = Promise.withResolvers<number>();
    const doomed = pool.transaction(async (tx) => {
      await tx`insert into entry values ('lost')`;
      pid.resolve(await pidOf(tx));
      await tx`select pg_sleep(20)`;
    });
    const failed = assert.rejects(doomed);
    await kill(await pid.promise);
    await failed;
    await pool.sql`select 1`;
  }
  assert.deepEqual(await notes(), []);
});

test("statements of a dead transaction never run in the one that follows on its session", limits, async (t) => {
  const { pool, kill, notes } = await openPools(t, 1);
  const pid = Promise.withResolvers<number>();
  const isDead = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let late: Promise<unknown> | undefined;
  const doomed = pool.transaction(async (tx) => {
    pid.resolve(await pidOf(tx));
    await isDead.promise;
    late = assert.rejects(tx`insert into entry values ('from the dead')`);
    await late;
    second.resolve();
  });
  const failed = assert.rejects(doomed);
  await kill(await pid.promise);
  await failed;
  await pool.transaction(async (tx) => {
    await tx`insert into entry values ('living')`;
    isDead.resolve();
    await second.promise;
  });
  assert.deepEqual(await notes(), ["living"]);
});

test("a statement that a transaction forgot to wait for fails after its end", limits, async (t) => {
  const { pool, notes } = await openPools(t, 1);
  const kept = await pool.transaction(async (tx) => ({ tx }));
  await assert.rejects(kept.tx`insert into entry values ('too late')`, /TRANSACTION_ENDED/);
  assert.deepEqual(await notes(), []);
});

test("a transaction has its session to itself, however full the pipeline is when it begins", limits, async (t) => {
  const { pool, notes } = await openPools(t, 1);
  const ask = (size: number) => pool.sql`select ${"x".repeat(size)}::text`;
  await ask(1);
  const cancel = new Error("roll back");
  // The driver sends up to 100 prepared queries ahead; each number around it is tried, small and large.
  for (const [count, size] of [99, 100, 101, 102].flatMap((n) => [[n, 1] as const, [n, 20_000] as const])) {
    const ahead = Array.from({ length: count }, () => ask(size).execute());
    const cancelled = pool.transaction(async (tx) => {
      await tx`insert into entry values ('inside')`;
      throw cancel;
    });
    const outside = pool.sql`insert into entry values (${`outside ${count} ${size}`})`;
    await Promise.all([...ahead, assert.rejects(cancelled, cancel), outside]);
  }
  assert.equal((await notes()).filter((note) => note === "inside").length, 0);
  assert.equal((await notes()).length, 8);
});

test("a server that hangs up before it is ready fails the query at once", limits, async (t) => {
  const hangUp = net.createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(hangUp, "listening");
  t.after(() => hangUp.close());
  const { port } = hangUp.address() as net.AddressInfo;
  const url = `postgresql://nobody:secret@127.0.0.1:${port}/none`;
  const pool = createPool({ url, clock: systemClock, log: silentLog, applicationName: "pool", maxConnections: 1 });
  t.after(() => pool.close());
  await assert.rejects(pool.sql`select 1`, /CONNECTION_CLOSED|ECONNRESET/);
});

test(
  "a session that is cut while it asks for types, before its first query, fails that query only",
  limits,
  async (t) => {
    const { adminUrl } = await createTestDatabase(t);
    const database = new URL(adminUrl);
    let isCutting = true;
    const proxy = net.createServer((client) => {
      const server = net.connect(Number(database.port), database.hostname);
      for (const socket of [client, server]) socket.on("error", () => {});
      server.pipe(client);
      client.on("data", (bytes: Buffer) => {
        if (isCutting && bytes.includes("typarray")) client.destroy();
        else server.write(bytes);
      });
      client.on("close", () => server.destroy());
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    t.after(() => proxy.close());
    const url = new URL(adminUrl);
    url.port = String((proxy.address() as net.AddressInfo).port);
    url.hostname = "127.0.0.1";
    const shared = { clock: systemClock, log: silentLog, applicationName: "pool", maxConnections: 1 };
    const pool = createPool({ ...shared, url: url.href });
    t.after(() => pool.close());
    await assert.rejects(pool.sql`select 1`, /CONNECTION_CLOSED/);
    await assert.rejects(
      pool.transaction((tx) => tx`select 1`),
      /CONNECTION_CLOSED/,
    );
    isCutting = false;
    assert.equal((await pool.sql`select 1`).length, 1);
  },
);

test(
  "COPY that the server refuses fails its stream and its transaction at once, and the session goes on",
  limits,
  async (t) => {
    const { pool, notes } = await openPools(t, 1);
    await pool.sql`create table twice (id int primary key)`;
    const copy = (rows: string) =>
      pool.transaction(async (tx) => {
        await tx`insert into entry values ('lost')`;
        await pipeline(Readable.from([rows]), await tx`copy twice from stdin`.writable());
      });
    for (const rows of ["1\n1\n", "x\n", `${"2\n".repeat(100_000)}`]) {
      await assert.rejects(copy(rows), { name: "PostgresError" });
      assert.deepEqual([...(await pool.sql`select count(*)::int as rows from twice`)], [{ rows: 0 }]);
    }
    await pool.transaction(async (tx) => {
      await pipeline(Readable.from(["1\n2\n"]), await tx`copy twice from stdin`.writable());
      await tx`insert into entry values ('kept')`;
    });
    assert.deepEqual(await notes(), ["kept"]);
  },
);

test(
  "a session that is cut while rows of a cursor are looked at fails its transaction, and the process goes on",
  limits,
  async (t) => {
    const { pool } = await openPools(t, 2);
    let seen = 0;
    const reading = pool.transaction(async (tx) => {
      const [session] = await tx`select pg_backend_pid() as pid`;
      for await (const rows of tx`select generate_series(1, 30) as row`.cursor(10)) {
        seen += rows.length;
        await pool.sql`select pg_terminate_backend(${session?.["pid"]}, 5000)`;
      }
      await tx`select 1`;
    });
    await assert.rejects(reading, /CONNECTION_CLOSED|terminating connection/);
    assert.equal(seen, 10);
    assert.equal((await pool.sql`select 1`).length, 1);
  },
);

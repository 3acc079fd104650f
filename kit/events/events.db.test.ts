import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { Sql } from "postgres";
import { type Cluster, type ClusterService, eventLogName, openCluster } from "../db/cluster.ts";
import type { Database } from "../db/database.ts";
import { postgres } from "../db/driver.ts";
import { type CallContext, currentContext, runInContext } from "../rpc/call-context.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { deriveTestKey, openTestCluster, silentLog } from "../testing/postgres.ts";
import { defineEvent, type EventType, onBroadcast, onEvent, type Subscription } from "./event.ts";
import { openEventFeed } from "./event-feed.ts";
import { createOutbox } from "./outbox.ts";
import { startSubscriptions } from "./subscriptions.ts";

// A value is "<key>:<text>".
const keyOf = ({ value }: StringValue) => value.split(":")[0] ?? "";
const opened = defineEvent("test.opened", StringValueSchema, keyOf);
const closed = defineEvent("test.closed", StringValueSchema, keyOf);
const writer: ClusterService = { name: "test-writer", migrations: new URL("./testdata/", import.meta.url) };
const hearer: ClusterService = { name: "test-hearer", migrations: new URL("./testdata/", import.meta.url) };
const outbox = createOutbox({
  source: writer.name,
  publishes: [opened, closed],
  clock: systemClock,
  random: createRandom(systemClock),
});

/** A fresh database, with a node that writes and hears. */
async function openNode(t: TestContext, clock: Clock = systemClock) {
  const cluster = await openTestCluster(t, [writer, hearer]);
  return { ...cluster, ...(await useNode(t, cluster, clock)) };
}

async function openSecondNode(t: TestContext, adminUrl: string) {
  const cluster = openCluster({
    adminUrl,
    deriveKey: deriveTestKey,
    maxConnections: 20,
    log: silentLog,
    clock: systemClock,
  });
  t.after(() => cluster.close());
  await cluster.prepare([writer, hearer]);
  return useNode(t, cluster, systemClock);
}

async function useNode(t: TestContext, cluster: Cluster, feedClock: Clock) {
  const feed = await openEventFeed({ db: cluster.open(eventLogName), log: silentLog, clock: feedClock });
  const db = cluster.open(hearer.name);
  const writerDb = cluster.open(writer.name);
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const stop of stops) await stop();
    await feed.close();
  });
  const hear = async (subscriptions: readonly Subscription[], clock: Clock = systemClock) => {
    const running = await startSubscriptions({
      serviceName: hearer.name,
      subscriptions,
      db,
      feed,
      log: silentLog,
      clock,
    });
    stops.push(running.stop);
    return running;
  };
  return { feed, db, writerDb, hear };
}

function say(db: Database, event: EventType<typeof StringValueSchema>, value: string): Promise<void> {
  return db.transaction((tx) => outbox.append(tx, event, { value }));
}

/** Collects values; `until(count)` resolves when so many have come. */
function createCollector() {
  const values: string[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let resolve = () => {};
  return {
    values,
    add(value: string) {
      values.push(value);
      if (values.length >= wanted) resolve();
    },
    until(count: number) {
      wanted = count;
      return new Promise<void>((done) => {
        resolve = done;
        if (values.length >= count) done();
      });
    },
  };
}

function openAdmin(t: TestContext, adminUrl: string): Sql {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  t.after(() => sql.end());
  return sql;
}

const limits = { timeout: 120_000 };

test(
  "with 50 concurrent writers and random commit delays every event is heard once, in order per key",
  limits,
  async (t) => {
    const { adminUrl, hear } = await openNode(t);
    const total = 20_000;
    const perTx = 4;
    const heard = createCollector();
    const broadcast = createCollector();
    await hear([
      onEvent("count", opened, async (_tx, event) => heard.add(event.data.value)),
      onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), assert.fail),
    ]);
    const writers = openCluster({
      adminUrl,
      deriveKey: deriveTestKey,
      maxConnections: 60,
      log: silentLog,
      clock: systemClock,
    });
    t.after(() => writers.close());
    await writers.prepare([writer]);
    const db = writers.open(writer.name);
    const done = Promise.all([heard.until(total), broadcast.until(total)]);

    // 50 writers share 20 keys; a key's number is drawn under the lock of its row, as a service's version would be.
    await db.sql`insert into counter select 'k' || n from generate_series(0, 19) as n`;
    let left = total / perTx;
    const write = async (seed: number) => {
      for (let turn = seed; left-- > 0; turn++) {
        await db.transaction(async (tx) => {
          const [row] = await tx<{ version: number }[]>`
          update counter set version = version + ${perTx} where key = ${`k${turn % 20}`} returning version`;
          const version = row?.version ?? 0;
          for (let n = perTx - 1; n >= 0; n--) {
            await outbox.append(tx, opened, { value: `k${turn % 20}:${version - n}` });
          }
          if (turn % 7 === 0) await tx`select pg_sleep(${(turn % 5) / 1_000})`;
        });
      }
    };
    await Promise.all(Array.from({ length: 50 }, (_, seed) => write(seed * 13)));
    await done;

    for (const { values } of [heard, broadcast]) {
      assert.equal(new Set(values).size, total);
      assert.equal(values.length, total);
      const versions = new Map<string, number>();
      for (const value of values) {
        const [key = "", version] = value.split(":");
        assert.equal(Number(version), (versions.get(key) ?? 0) + 1, `order of ${key}`);
        versions.set(key, Number(version));
      }
    }
  },
);

test(
  "who waits for a key's lock is heard after who held it, even when its transaction began to write first",
  limits,
  async (t) => {
    const { writerDb, db, hear } = await openNode(t);
    const heard = createCollector();
    await hear([onEvent("order", opened, async (_tx, event) => heard.add(event.data.value))]);
    await writerDb.sql`insert into counter values ('a'), ('b')`;
    const hasWritten = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    const early = writerDb.transaction(async (tx) => {
      await tx`update counter set version = 1 where key = 'b'`;
      hasWritten.resolve();
      await first.promise;
      await tx`update counter set version = 2 where key = 'a'`;
      await outbox.append(tx, opened, { value: "a:2" });
    });
    await hasWritten.promise;
    await writerDb.transaction(async (tx) => {
      await tx`update counter set version = 1 where key = 'a'`;
      await outbox.append(tx, opened, { value: "a:1" });
    });
    first.resolve();
    await early;
    await heard.until(2);
    assert.deepEqual(heard.values, ["a:1", "a:2"]);
    await db.ping(5_000);
  },
);

test(
  "an event waits for those appended before it, and not for transactions that append other types",
  limits,
  async (t) => {
    const { writerDb, hear } = await openNode(t);
    const heard = createCollector();
    await hear([onBroadcast("watch", opened, (event) => heard.add(event.data.value), assert.fail)]);
    const hasAppended = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const slow = (event: typeof opened, value: string) =>
      writerDb.transaction(async (tx) => {
        await outbox.append(tx, event, { value });
        hasAppended.resolve();
        await end.promise;
      });
    const other = slow(closed, "x:closed");
    await hasAppended.promise;
    await say(writerDb, opened, "a:1");
    await heard.until(1);
    end.resolve();
    await other;
  },
);

test(
  "what a rolled-back transaction or savepoint appended is never heard, and holds nobody back",
  limits,
  async (t) => {
    const { writerDb, hear } = await openNode(t);
    const heard = createCollector();
    await hear([onEvent("all", opened, async (_tx, event) => heard.add(event.data.value))]);
    const cancel = new Error("changed my mind");
    const lost = writerDb.transaction(async (tx) => {
      await outbox.append(tx, opened, { value: "a:lost" });
      throw cancel;
    });
    await assert.rejects(lost, cancel);
    await writerDb.transaction(async (tx) => {
      const undone = tx.savepoint(async (nested) => {
        await outbox.append(nested, opened, { value: "a:undone" });
        throw cancel;
      });
      await assert.rejects(undone, cancel);
      await outbox.append(tx, opened, { value: "a:1" });
    });
    await say(writerDb, opened, "a:2");
    await heard.until(2);
    assert.deepEqual(heard.values, ["a:1", "a:2"]);
  },
);

test("a handler that fails half-way leaves nothing, and its second run does the work once", limits, async (t) => {
  const { writerDb, db, hear } = await openNode(t);
  for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
  const heard = createCollector();
  let failures = 1;
  const running = await hear([
    onEvent("effects", opened, async (tx, event) => {
      await tx`insert into effect values (${event.id}, ${event.data.value})`;
      heard.add(event.data.value);
      if (event.data.value === "a:2" && failures-- > 0) throw new Error("crashed");
    }),
  ]);
  await heard.until(5);
  await running.stop();
  assert.deepEqual(heard.values, ["a:1", "a:2", "a:1", "a:2", "a:3"]);
  assert.deepEqual(await listEffects(db), ["a:1", "a:2", "a:3"]);
});

test(
  "two nodes whose sessions are killed again and again do the work of each event once, in order",
  limits,
  async (t) => {
    const node = await openNode(t);
    const second = await openSecondNode(t, node.adminUrl);
    const admin = openAdmin(t, node.adminUrl);
    const total = 1_000;
    const subscription = onEvent("effects", opened, async (tx, event) => {
      await tx`insert into effect values (${event.id}, ${event.data.value})`;
    });
    await node.hear([subscription]);
    await second.hear([subscription]);
    for (let from = 0; from < total; from += 50) {
      await node.writerDb.transaction(async (tx) => {
        for (let n = from; n < from + 50; n++) await outbox.append(tx, opened, { value: `a:${n}` });
      });
      if (from % 200 === 0) {
        await admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'lyss:test-hearer'`;
      }
    }
    const expected = Array.from({ length: total }, (_, n) => `a:${n}`);
    await waitUntil(async () => (await listEffects(node.db).catch(() => [])).length >= total);
    assert.deepEqual(await listEffects(node.db), expected);
  },
);

test(
  "an event that always fails is parked with its error after ten tries, and those after it go on",
  limits,
  async (t) => {
    const { adminUrl, writerDb, db, hear } = await openNode(t);
    for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
    const heard = createCollector();
    const clock = createFakeClock();
    let tries = 0;
    const running = await hear(
      [
        onEvent("picky", opened, async (_tx, event) => {
          if (event.data.value === "a:2") {
            tries += 1;
            throw new RangeError("cannot digest this");
          }
          heard.add(event.data.value);
        }),
      ],
      clock,
    );
    let complaint = "";
    await waitUntil(async () => {
      clock.advance(1_000);
      await running.check().catch((err: Error) => {
        complaint = err.message;
      });
      return heard.values.includes("a:3");
    });
    assert.match(complaint, /picky.*RangeError: cannot digest this/);
    await running.stop();
    // The first was in one batch with a:1, which was then done without it; that one is not counted.
    assert.equal(tries, 1 + 10);
    assert.ok(clock.monotonicMs() > 180_000, "the tries are spread over minutes");
    const parked = await db.sql`select subscription, attempts, last_error from event_log.parked_event`;
    assert.deepEqual(
      parked.map((row) => ({ ...row })),
      [{ subscription: "picky", attempts: 10, last_error: "RangeError: cannot digest this" }],
    );
    const others = await writerDb.sql`select from event_log.parked_event union all select from event_log.subscription`;
    assert.equal(others.length, 0, "a service sees its own subscriptions only");
    const [stored] = await openAdmin(t, adminUrl)`select service, position::int from event_log.subscription`;
    assert.deepEqual({ ...stored }, { service: "lyss_test_hearer", position: 3 });
  },
);

test("an event that breaks the commit is parked too, and does not stop the subscription", limits, async (t) => {
  const { writerDb, db, hear } = await openNode(t);
  for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
  const clock = createFakeClock();
  const running = await hear(
    [
      onEvent("late", opened, async (tx, event) => {
        // Its error comes when the handler is done.
        if (event.data.value === "a:2") void tx`select 1 / 0`.catch(() => {});
        await tx`insert into effect values (${event.id}, ${event.data.value})`.catch(() => {});
      }),
    ],
    clock,
  );
  await waitUntil(async () => {
    clock.advance(1_000);
    return (await listEffects(db)).length === 2;
  });
  await running.stop();
  assert.deepEqual(await listEffects(db), ["a:1", "a:3"]);
});

test(
  "after its LISTEN connection was cut a process hears on, and broadcasts are told of the gap",
  limits,
  async (t) => {
    const { adminUrl, writerDb, hear } = await openNode(t);
    const heard = createCollector();
    const broadcast = createCollector();
    const gap = Promise.withResolvers<void>();
    await hear([
      onEvent("all", opened, async (_tx, event) => heard.add(event.data.value)),
      onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), gap.resolve),
    ]);
    await say(writerDb, opened, "a:1");
    await Promise.all([heard.until(1), broadcast.until(1)]);
    const cut = await openAdmin(t, adminUrl)`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query ilike 'listen%'`;
    assert.equal(cut.length, 1);
    await say(writerDb, opened, "a:2");
    await Promise.all([heard.until(2), broadcast.until(2), gap.promise]);
    await say(writerDb, opened, "a:3");
    await Promise.all([heard.until(3), broadcast.until(3)]);
    assert.deepEqual(broadcast.values, ["a:1", "a:2", "a:3"]);
  },
);

test(
  "a commit wakes its hearers at once, and an event without notification is found by the next poll",
  limits,
  async (t) => {
    const clock = createFakeClock();
    const { adminUrl, writerDb, hear } = await openNode(t, clock);
    const heard = createCollector();
    const broadcast = createCollector();
    await hear(
      [
        onEvent("all", opened, async (_tx, event) => heard.add(event.data.value)),
        onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), assert.fail),
      ],
      clock,
    );
    await say(writerDb, opened, "a:1");
    await Promise.all([heard.until(1), broadcast.until(1)]);
    await openAdmin(t, adminUrl)`
    insert into event_log.event (id, type, source, key, time, data, traceparent)
    values ('evt_silent', ${opened.type}, 'test', 'a', now(), '"a:2"', '')`;
    const both = Promise.all([heard.until(2), broadcast.until(2)]);
    let isDone = false;
    void both.then(() => {
      isDone = true;
    });
    await waitUntil(async () => {
      clock.advance(100);
      return isDone;
    });
  },
);

test(
  "a broadcast hears only what is committed after it began; a handler that fails is told of a gap",
  limits,
  async (t) => {
    const { writerDb, hear } = await openNode(t);
    await say(writerDb, opened, "a:old");
    const hasAppended = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const slow = writerDb.transaction(async (tx) => {
      await outbox.append(tx, opened, { value: "a:in flight" });
      hasAppended.resolve();
      await end.promise;
    });
    await hasAppended.promise;
    const broadcast = createCollector();
    let gaps = 0;
    await hear([
      onBroadcast(
        "watch",
        opened,
        (event) => {
          broadcast.add(event.data.value);
          if (event.data.value === "a:bad") throw new Error("cannot apply");
        },
        () => {
          gaps += 1;
        },
      ),
    ]);
    end.resolve();
    await slow;
    await say(writerDb, opened, "a:bad");
    await say(writerDb, opened, "a:good");
    await broadcast.until(3);
    assert.deepEqual(broadcast.values, ["a:in flight", "a:bad", "a:good"]);
    assert.equal(gaps, 1);
  },
);

test("no service changes the log, or writes into it past its order", limits, async (t) => {
  const { writerDb } = await openNode(t);
  await say(writerDb, opened, "a:1");
  const denied = { code: "42501" };
  await assert.rejects(writerDb.sql`update event_log.event set data = '"x"'`, denied);
  await assert.rejects(writerDb.sql`delete from event_log.event`, denied);
  await assert.rejects(writerDb.sql`truncate event_log.event`, denied);
  await assert.rejects(
    writerDb.sql`insert into event_log.event (id, type, source, key, time, data, traceparent)
      values ('forged', 'test.opened', 'a', 'a', now(), '""', '')`,
    denied,
  );
  await assert.rejects(writerDb.sql`select nextval('event_log.event_seq_seq')`, denied);
});

test("an event carries the trace of the call that caused it, and none of that call's rights", limits, async (t) => {
  const { writerDb, hear } = await openNode(t);
  const seen = Promise.withResolvers<CallContext | undefined>();
  await hear([onEvent("trace", opened, async () => seen.resolve(currentContext()))]);
  const context: CallContext = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    isSampled: true,
    caller: { tenantId: "t", userId: "u", keyId: "k", permissions: ["*"], models: [] },
    deadlineMs: 1,
    locale: "zh_CN",
  };
  await runInContext(context, () => say(writerDb, opened, "a:1"));
  const inHandler = await seen.promise;
  assert.equal(inHandler?.traceId, context.traceId);
  assert.equal(inHandler?.isSampled, true);
  assert.equal(inHandler?.caller, undefined);
  assert.equal(inHandler?.deadlineMs, undefined);
});

test("an undeclared or oversized event is refused, and so are two subscriptions of one name", limits, async (t) => {
  const { writerDb, hear } = await openNode(t);
  const undeclared = defineEvent("test.undeclared", StringValueSchema, keyOf);
  await assert.rejects(say(writerDb, undeclared, "a:1"), TypeError);
  await assert.rejects(say(writerDb, opened, "x".repeat(262_144)), RangeError);
  const subscription = onEvent("same", opened, async () => {});
  await assert.rejects(hear([subscription, subscription]), TypeError);
});

async function listEffects(db: Database): Promise<readonly string[]> {
  const rows = await db.sql<{ value: string }[]>`
    select value from effect join event_log.event on event.id = effect.event_id order by event.seq`;
  return rows.map((row) => row.value);
}

/** Asks again after each turn of the loop: for what other sessions do, of which nobody tells us. */
async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve));
}

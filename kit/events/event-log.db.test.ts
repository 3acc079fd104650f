import assert from "node:assert/strict";
import { test } from "node:test";
import { append, closed, createCollector, openEventNode, opened, say } from "../testing/event-log.ts";
import { onBroadcast, onEvent } from "./event.ts";

const limits = { timeout: 120_000 };

test(
  "with 50 concurrent writers and random commit delays every event is heard once, in order per key",
  limits,
  async (t) => {
    const { writerDb, hear } = await openEventNode(t);
    const total = 20_000;
    const perTx = 4;
    const heard = createCollector();
    const broadcast = createCollector();
    await hear([
      onEvent("count", opened, async (_tx, event) => heard.add(event.data.value)),
      onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), assert.fail),
    ]);
    const done = Promise.all([heard.until(total), broadcast.until(total)]);

    // 50 writers share 20 keys; a key's number is drawn under the lock of its row, as a service's version would be.
    await writerDb.sql`insert into counter select 'k' || n from generate_series(0, 19) as n`;
    let left = total / perTx;
    const write = async (seed: number) => {
      for (let turn = seed; left-- > 0; turn++) {
        await writerDb.transaction(async (tx) => {
          const [row] = await tx<{ version: number }[]>`
          update counter set version = version + ${perTx} where key = ${`k${turn % 20}`} returning version`;
          const version = row?.version ?? 0;
          for (let n = perTx - 1; n >= 0; n--) {
            await append(tx, opened, `k${turn % 20}:${version - n}`);
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
    const { writerDb, hearerDb, hear } = await openEventNode(t);
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
      await append(tx, opened, "a:2");
    });
    await hasWritten.promise;
    await writerDb.transaction(async (tx) => {
      await tx`update counter set version = 1 where key = 'a'`;
      await append(tx, opened, "a:1");
    });
    first.resolve();
    await early;
    await heard.until(2);
    assert.deepEqual(heard.values, ["a:1", "a:2"]);
    await hearerDb.ping(5_000);
  },
);

test(
  "an event waits for those appended before it, and not for transactions that append other types",
  limits,
  async (t) => {
    const { writerDb, hear } = await openEventNode(t);
    const heard = createCollector();
    await hear([onBroadcast("watch", opened, (event) => heard.add(event.data.value), assert.fail)]);
    const hasAppended = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const slow = (event: typeof opened, value: string) =>
      writerDb.transaction(async (tx) => {
        await append(tx, event, value);
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
    const { writerDb, hear } = await openEventNode(t);
    const heard = createCollector();
    await hear([onEvent("all", opened, async (_tx, event) => heard.add(event.data.value))]);
    const cancel = new Error("changed my mind");
    const lost = writerDb.transaction(async (tx) => {
      await append(tx, opened, "a:lost");
      throw cancel;
    });
    await assert.rejects(lost, cancel);
    await writerDb.transaction(async (tx) => {
      const undone = tx.savepoint(async (nested) => {
        await append(nested, opened, "a:undone");
        throw cancel;
      });
      await assert.rejects(undone, cancel);
      await append(tx, opened, "a:1");
    });
    await say(writerDb, opened, "a:2");
    await heard.until(2);
    assert.deepEqual(heard.values, ["a:1", "a:2"]);
  },
);

test("no service changes the log, or writes into it past its order", limits, async (t) => {
  const { writerDb } = await openEventNode(t);
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

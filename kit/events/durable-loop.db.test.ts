import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import type { Tx } from "../db/database.ts";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { createCollector, openEventNode } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { startDurableLoop } from "./durable-loop.ts";
import { type DurableSubscription, defineEvent, onEvent } from "./event.ts";
import { createOutbox } from "./outbox.ts";
import { ensureSubscription } from "./subscription-store.ts";

// One database for all: every test has an event and a subscription of its own. The listener's clock stands still.
const node = await openEventNode({ after }, { clock: createFakeClock() });
const limits = { timeout: 120_000 };

interface Handling {
  readonly value: string;
  readonly txId: string;
}

/** A subscription called `name` to an event of that name, its log, and every wait of its loop. */
async function setUp(
  t: TestContext,
  name: string,
  fail: (value: string, tx: Tx) => void = () => {},
  settings: Pick<DurableSubscription, "gatherMs"> = {},
) {
  const event = defineEvent(`test.${name}`, StringValueSchema, () => "key");
  const random = createRandom(systemClock);
  const outbox = createOutbox({ source: "test-writer", publishes: [event], clock: systemClock, random });
  const clock = createFakeClock();
  const waitsMs: number[] = [];
  const handlings: Handling[] = [];
  const handled = createCollector();
  const waited = createCollector();
  const logged: Readonly<Record<string, unknown>>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line) => void logged.push(JSON.parse(line)) });
  await ensureSubscription(node.hearerDb.sql, name, [event.type]);
  const heard = onEvent(name, event, async (tx, { data: { value } }) => {
    const [row] = await tx<{ id: string }[]>`select pg_current_xact_id()::text as id`;
    handlings.push({ value, txId: row?.id ?? "" });
    handled.add(value);
    fail(value, tx);
  });
  const subscription = { ...heard, ...settings };
  const append = async (tx: Tx, values: readonly string[]) => {
    for (const value of values) await outbox.append(tx, event, { value });
  };
  return {
    event,
    clock,
    waitsMs,
    logged,
    handled,
    append,
    say: (...values: string[]) => node.writerDb.transaction((tx) => append(tx, values)),
    start() {
      const setTimer: typeof clock.setTimer = (delayMs, callback) => {
        waitsMs.push(delayMs);
        waited.add(`${delayMs}`);
        return clock.setTimer(delayMs, callback);
      };
      const loop = startDurableLoop({
        ...{ subscription, db: node.hearerDb, listener: node.feed.listener, log },
        clock: { ...clock, setTimer },
      });
      t.after(loop.stop);
      return loop;
    },
    /** Resolves when the loop waits for the `count`th time. */
    untilWaits: (count: number) => waited.until(count),
    /** What was handled so far: the values of each transaction. */
    listBatches: () =>
      [...Map.groupBy(handlings, ({ txId }) => txId).values()].map((batch) => batch.map(({ value }) => value)),
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => String(from + n));

test("what lies in the log is handled at once, a hundred events to a transaction", limits, async (t) => {
  const { say, start, untilWaits, waitsMs, listBatches } = await setUp(t, "batches");
  await say(...numbers(1, 250));
  start();
  await untilWaits(1);
  assert.deepEqual(listBatches(), [numbers(1, 100), numbers(101, 200), numbers(201, 250)]);
  assert.deepEqual(waitsMs, [10_000]);
});

test("a commit wakes an idle loop; without a word it looks again after 10 s", limits, async (t) => {
  const { event, clock, say, start, untilWaits, waitsMs, handled } = await setUp(t, "idle");
  start();
  await untilWaits(1);
  await say("told");
  await handled.until(1);
  await untilWaits(2);
  await node.admin`
    insert into event_log.event (id, type, source, key, time, data, traceparent)
    values ('evt_untold', ${event.type}, 'test', 'key', now(), '"untold"', '')`;
  clock.advance(9_999);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([handled.values, waitsMs], [["told"], [10_000, 10_000]]);
  clock.advance(1);
  await handled.until(2);
  assert.deepEqual(handled.values, ["told", "untold"]);
});

test(
  "what comes behind a batch is gathered where that is wanted, and an idle loop takes up the first at once",
  limits,
  async (t) => {
    const subject = await setUp(t, "gathering", undefined, { gatherMs: 50 });
    const { clock, say, start, untilWaits, waitsMs, handled, listBatches } = subject;
    start();
    await untilWaits(1);
    await say("1");
    await untilWaits(2);
    assert.deepEqual(handled.values, ["1"]);
    await say("2");
    await say("3");
    clock.advance(49);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(handled.values, ["1"]);
    clock.advance(1);
    await untilWaits(3);
    clock.advance(50);
    await untilWaits(4);
    assert.deepEqual(listBatches(), [["1"], ["2", "3"]]);
    // A word that came meanwhile may make an idle loop look once more.
    assert.deepEqual(waitsMs.slice(0, 4), [10_000, 50, 50, 10_000]);
    await say("4");
    await handled.until(4);
  },
);

test("a loop that gathers takes up full batches one after the other, and stops at once", limits, async (t) => {
  const subject = await setUp(t, "gathering-much", undefined, { gatherMs: 60_000 });
  const { say, start, untilWaits, waitsMs, listBatches } = subject;
  await say(...numbers(1, 150));
  const loop = start();
  await untilWaits(1);
  assert.deepEqual(listBatches(), [numbers(1, 100), numbers(101, 150)]);
  assert.deepEqual(waitsMs, [60_000]);
  await loop.stop();
});

test("a subscription that another node has in its hands is asked for once a second", limits, async (t) => {
  const { clock, say, start, untilWaits, waitsMs, handled } = await setUp(t, "taken");
  await say("1");
  const release = Promise.withResolvers<void>();
  const isTaken = Promise.withResolvers<void>();
  const other = node.hearerDb.transaction(async (tx) => {
    await tx`select from event_log.subscription where name = 'taken' for update`;
    isTaken.resolve();
    await release.promise;
  });
  await isTaken.promise;
  start();
  await untilWaits(1);
  clock.advance(1_000);
  await untilWaits(2);
  release.resolve();
  await other;
  clock.advance(1_000);
  await handled.until(1);
  await untilWaits(3);
  assert.deepEqual(waitsMs, [1_000, 1_000, 10_000]);
});

test("events held back by a transaction under way are asked for soon, then ever more rarely", limits, async (t) => {
  const { clock, append, say, start, untilWaits, waitsMs, handled } = await setUp(t, "held-back");
  for (const round of [1, 2]) {
    const hasAppended = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const slow = node.writerDb.transaction(async (tx) => {
      await append(tx, [`slow ${round}`]);
      hasAppended.resolve();
      await end.promise;
    });
    await hasAppended.promise;
    await say(`quick ${round}`);
    const before = waitsMs.length;
    if (round === 1) start();
    for (const count of [1, 2, 3, 4, 5, 6]) {
      await untilWaits(before + count);
      if (count < 6) clock.advance(waitsMs.at(-1) ?? 0);
    }
    assert.deepEqual(waitsMs.slice(before), [5, 15, 35, 75, 100, 100]);
    assert.equal(handled.values.length, 2 * (round - 1));
    end.resolve();
    await slow;
    await handled.until(2 * round);
    await untilWaits(before + 7);
    assert.equal(waitsMs.at(-1), 10_000);
  }
  assert.deepEqual(handled.values, ["slow 1", "quick 1", "slow 2", "quick 2"]);
});

test(
  "what comes before a failing event is done on its own; that event is tried ten times, each twice as late, up to a minute",
  limits,
  async (t) => {
    const subject = await setUp(t, "failing", (value) => {
      if (value === "3") throw new RangeError("cannot digest this");
    });
    const { clock, say, start, untilWaits, waitsMs, logged, listBatches } = subject;
    await say(...numbers(1, 6));
    const loop = start();
    const delays = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000];
    let elapsedMs = 0;
    for (const [index, delayMs] of delays.entries()) {
      await untilWaits(index + 1);
      // A pause is no success: from 30 s without one on, the health check says so.
      if (elapsedMs <= 30_000) await loop.check();
      else await assert.rejects(loop.check(), { message: failingFor(elapsedMs) });
      clock.advance(delayMs);
      elapsedMs += delayMs;
    }
    await untilWaits(delays.length + 1);
    assert.deepEqual(waitsMs, [...delays, 10_000]);
    assert.deepEqual(listBatches(), [
      ["1", "2", "3"],
      ["1", "2"],
      ...Array.from({ length: 10 }, () => ["3"]),
      ["4", "5", "6"],
    ]);
    await loop.check();
    const said = logged.map(({ msg, attempts, isParked, subscription, event }) => {
      return [msg, attempts, isParked, subscription, event];
    });
    const words = (index: number) =>
      index === 9 ? "an event is parked: it failed too often" : "an event could not be handled";
    assert.deepEqual(
      said,
      Array.from({ length: 10 }, (_, n) => [words(n), n + 1, n === 9, "failing", "test.failing"]),
    );
    assert.match(JSON.stringify(logged[0]), /RangeError.*cannot digest this/);
    assert.match(String(logged[0]?.["eventId"]), /^evt_/);
  },
);

function failingFor(ms: number): string {
  return `subscription failing has not got on for ${ms} ms: RangeError: cannot digest this`;
}

test("30 s without a success are no alarm, one millisecond more is", limits, async (t) => {
  const { clock, say, start, untilWaits } = await setUp(t, "failing", () => {
    throw new RangeError("cannot digest this");
  });
  const loop = start();
  await untilWaits(1);
  clock.advance(60_000);
  await loop.check();
  await untilWaits(2);
  await say("1");
  await untilWaits(3);
  clock.advance(30_000 - 1_000);
  await untilWaits(4);
  clock.advance(1_000);
  await loop.check();
  clock.advance(1);
  await assert.rejects(loop.check(), { message: failingFor(30_001) });
});

test(
  "a batch whose commit fails is done event by event, and only the one to blame is tried again",
  limits,
  async (t) => {
    const subject = await setUp(t, "commit", (value, tx) => {
      // Its error comes when the handler is done.
      if (value === "2") void tx`select 1 / 0`.catch(() => {});
    });
    const { say, start, untilWaits, listBatches, waitsMs } = subject;
    await say("1", "2", "3");
    start();
    await untilWaits(1);
    assert.deepEqual(listBatches().at(-1), ["2"]);
    assert.ok(listBatches().some((batch) => batch.join() === "1"));
    assert.deepEqual(waitsMs, [1_000]);
    const [row] = await node.hearerDb.sql`select attempts from event_log.subscription where name = 'commit'`;
    assert.equal(row?.["attempts"], 1);
  },
);

test(
  "while the log cannot be read the loop asks ever more rarely, says so once, and recovers by itself",
  limits,
  async (t) => {
    const { clock, say, start, untilWaits, waitsMs, handled, logged } = await setUp(t, "outage");
    const loop = start();
    await untilWaits(1);
    for (const round of [1, 2]) {
      const before = waitsMs.length;
      await node.admin`alter table event_log.subscription rename to subscription_away`;
      clock.advance(10_000);
      for (const count of [1, 2, 3, 4, 5]) {
        await untilWaits(before + count);
        if (count < 5) clock.advance(waitsMs.at(-1) ?? 0);
      }
      await node.admin`alter table event_log.subscription_away rename to subscription`;
      assert.deepEqual(waitsMs.slice(before), [1_000, 3_000, 7_000, 10_000, 10_000]);
      const warnings = logged.map(({ level, msg, subscription }) => [level, msg, subscription]);
      assert.deepEqual(
        warnings,
        Array.from({ length: round }, () => [40, "a subscription cannot get on", "outage"]),
      );
      clock.advance(9_999);
      await assert.rejects(loop.check(), /has not got on for 40999 ms: PostgresError: relation/);
      clock.advance(1);
      await untilWaits(before + 6);
      assert.equal(waitsMs.at(-1), 10_000);
      await loop.check();
    }
    await say("1");
    await handled.until(1);
  },
);

test("a failure that cannot be counted is tried again after a second", limits, async (t) => {
  const { clock, say, start, untilWaits, waitsMs, handled } = await setUp(t, "uncounted", () => {
    if (handled.values.length < 3) throw new Error("not yet");
  });
  await node.admin.unsafe(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
    create trigger refuse before update on event_log.subscription for each row
      when (new.attempts > old.attempts) execute function refuse()`);
  t.after(() => node.admin.unsafe("drop function if exists refuse cascade"));
  await say("1");
  start();
  await untilWaits(1);
  clock.advance(1_000);
  await untilWaits(2);
  clock.advance(1_000);
  await untilWaits(3);
  assert.deepEqual(waitsMs, [1_000, 1_000, 10_000]);
  assert.deepEqual(handled.values, ["1", "1", "1"]);
});

test("a loop that is stopped ends the batch under way, begins no other, and leaves no timer", limits, async (t) => {
  const isHandling = Promise.withResolvers<void>();
  const subject = await setUp(t, "stopping", (value) => {
    if (value === "100") isHandling.resolve();
  });
  const { clock, say, start, listBatches, waitsMs } = subject;
  await say(...numbers(1, 150));
  const loop = start();
  await isHandling.promise;
  await loop.stop();
  assert.deepEqual(listBatches(), [numbers(1, 100)]);
  assert.deepEqual([waitsMs, clock.countTimers()], [[], 0]);
  const [row] = await node.hearerDb.sql<{ left: number }[]>`
    select count(*)::int as left from event_log.event, event_log.subscription
    where type = 'test.stopping' and name = 'stopping' and seq > position`;
  assert.equal(row?.left, 50);
});

test("an idle loop stops at once", limits, async (t) => {
  const { clock, start, untilWaits } = await setUp(t, "stopped-idle");
  const loop = start();
  await untilWaits(1);
  await loop.stop();
  assert.equal(clock.countTimers(), 0);
});

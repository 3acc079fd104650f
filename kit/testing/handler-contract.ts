import assert from "node:assert/strict";
import { test } from "node:test";
import type { Database } from "../db/database.ts";
import { type DurableSubscription, onEvent } from "../events/event.ts";
import { listParkedEvents, redriveParkedEvents } from "../events/parked-events.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { append, closed, createCollector, opened, say } from "./event-log.ts";
import { createFakeClock } from "./fake-clock.ts";
import type { TestScope } from "./test-cluster.ts";
import { waitUntil } from "./wait-until.ts";

/** A way for events to get from the log to handlers, with everything that it needs. */
export interface HandlerBench {
  readonly writerDb: Database;
  readonly hearerDb: Database;
  /** Starts a subscription on one more node; it stops with the bench. */
  hear(subscription: DurableSubscription, clock?: Clock): Promise<{ stop(): Promise<void> }>;
}

const limits = { timeout: 120_000 };

/** Writes one row for each time that it takes effect. */
export const effects = onEvent("effects", opened, async (tx, event) => {
  await tx`insert into effect values (${event.id}, ${event.data.value})`;
});

/** The same for both test events, also when they come again; then the row says in which replay. */
export const replayedEffects: DurableSubscription = {
  mode: "durable",
  name: "replayed",
  events: [opened, closed],
  isReplayable: true,
  async handle(tx, event) {
    const { value } = event.data as unknown as { value: string };
    await tx`insert into effect values (${event.id}, ${`${value} ${event.replayId ?? ""}`.trim()})`;
  },
};

/** What took effect, in the order of the log. */
export async function listEffects(db: Database): Promise<readonly string[]> {
  const rows = await db.sql<{ value: string }[]>`
    select value from effect join event_log.event on event.id = effect.event_id order by event.seq, effect.ctid`;
  return rows.map((row) => row.value);
}

/** Values by key, each in the order given. */
export function byKey(values: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return Object.groupBy(values, (value) => value.split(":")[0] ?? "") as Readonly<Record<string, readonly string[]>>;
}

/** A subscription that also tells in which order its handler was called. */
function createHeard() {
  const heard = createCollector();
  const subscription: DurableSubscription = {
    ...effects,
    async handle(tx, event) {
      await effects.handle(tx, event);
      heard.add((event.data as unknown as { value: string }).value);
    },
  };
  return { heard, subscription };
}

/** What a durable handler may rely on, whichever way its events come. */
export function testHandlers(transport: string, openBench: (t: TestScope) => Promise<HandlerBench>): void {
  test(`${transport}: each event takes effect once, in order per key, on two nodes`, limits, async (t) => {
    const { writerDb, hearerDb, hear } = await openBench(t);
    const { heard, subscription } = createHeard();
    await hear(subscription);
    await hear(subscription);
    const expected = Array.from({ length: 200 }, (_, n) => `k${n % 5}:${n}`);
    for (let from = 0; from < expected.length; from += 20) {
      await writerDb.transaction(async (tx) => {
        for (const value of expected.slice(from, from + 20)) await append(tx, opened, value);
        await append(tx, closed, "k0:other");
      });
    }
    await waitUntil(async () => (await listEffects(hearerDb)).length >= expected.length);
    assert.deepEqual(await listEffects(hearerDb), expected);
    assert.deepEqual(byKey(heard.values), byKey(expected));
  });

  test(`${transport}: of 200 writers at once no event is lost, doubled or turned round`, limits, async (t) => {
    const { writerDb, hearerDb, hear } = await openBench(t);
    const { heard, subscription } = createHeard();
    await hear(subscription);
    const writers = Array.from({ length: 200 }, (_, writer) =>
      writerDb.transaction(async (tx) => {
        for (const n of [1, 2, 3]) await append(tx, opened, `k${writer % 20}:${writer}.${n}`);
      }),
    );
    await Promise.all(writers);
    await waitUntil(async () => (await listEffects(hearerDb)).length >= 600);
    const inLog = await listEffects(hearerDb);
    assert.equal(new Set(inLog).size, 600);
    assert.deepEqual(byKey(heard.values), byKey(inLog));
  });

  test(
    `${transport}: a node that stops in the middle leaves the rest to the next, each event once`,
    limits,
    async (t) => {
      const { writerDb, hearerDb, hear } = await openBench(t);
      const expected = Array.from({ length: 150 }, (_, n) => `k${n % 3}:${n}`);
      for (let from = 0; from < expected.length; from += 50) {
        await writerDb.transaction(async (tx) => {
          for (const value of expected.slice(from, from + 50)) await append(tx, opened, value);
        });
      }
      for (let count = 0; count < expected.length; ) {
        const { heard, subscription } = createHeard();
        const running = await hear(subscription);
        await heard.until(Math.min(60, expected.length - count));
        await running.stop();
        count = (await listEffects(hearerDb)).length;
      }
      assert.deepEqual(await listEffects(hearerDb), expected);
    },
  );

  test(
    `${transport}: a handler that fails half-way leaves nothing, and its next run does the work once`,
    limits,
    async (t) => {
      const { writerDb, hearerDb, hear } = await openBench(t);
      for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
      const clock = createFakeClock();
      let failures = 2;
      const subscription = onEvent("effects", opened, async (tx, event) => {
        await effects.handle(tx, event);
        if (event.data.value === "a:2" && failures-- > 0) throw new Error("crashed");
      });
      await hear(subscription, clock);
      await waitUntil(async () => {
        clock.advance(1_000);
        return (await listEffects(hearerDb)).length >= 3;
      });
      assert.deepEqual(await listEffects(hearerDb), ["a:1", "a:2", "a:3"]);
    },
  );

  test(
    `${transport}: an event that always fails is parked after ten tries, those after it go on, and it can be redriven`,
    limits,
    async (t) => {
      const { writerDb, hearerDb, hear } = await openBench(t);
      for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
      const clock = createFakeClock();
      let isBroken = true;
      const subscription = onEvent("effects", opened, async (tx, event) => {
        if (isBroken && event.data.value === "a:2") throw new RangeError("cannot digest this");
        await effects.handle(tx, event);
      });
      await hear(subscription, clock);
      await waitUntil(async () => {
        clock.advance(1_000);
        return (await listEffects(hearerDb)).length >= 2;
      });
      assert.deepEqual(await listEffects(hearerDb), ["a:1", "a:3"]);
      const [parked] = await listParkedEvents(hearerDb.sql, "effects");
      assert.deepEqual([parked?.attempts, parked?.lastError], [10, "RangeError: cannot digest this"]);
      isBroken = false;
      const redriven = await redriveParkedEvents({ db: hearerDb, clock: systemClock }, subscription);
      assert.deepEqual(redriven, { handled: 1, failed: 0, heldBack: 0 });
      assert.deepEqual(await listEffects(hearerDb), ["a:1", "a:2", "a:3"]);
    },
  );
}

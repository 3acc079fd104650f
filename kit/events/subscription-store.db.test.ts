import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openEventNode, opened, say } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import {
  advance,
  claimBatch,
  ensureSubscription,
  forgetSubscription,
  markHandled,
  park,
  recordFailure,
  rewind,
} from "./subscription-store.ts";

const { admin, writerDb, hearerDb: db } = await openEventNode({ after }, { clock: createFakeClock() });
const limits = { timeout: 120_000 };
for (const value of ["a:1", "a:2", "a:3"]) await say(writerDb, opened, value);
const types = [opened.type];

/** A subscription's row as it is stored; undefined when there is none. */
async function find(name: string) {
  const [row] = await admin<Record<string, unknown>[]>`
    select position::int, attempts, last_error, types, nullif(retry_at, '-infinity') as retry_at
    from event_log.subscription where name = ${name}`;
  return row && { ...row };
}

const listParked = async (name: string) =>
  (
    await admin<Record<string, unknown>[]>`
    select seq::int, attempts, last_error, parked_at from event_log.parked_event where subscription = ${name} order by seq`
  ).map((row) => ({ ...row }));

const claim = (name: string, limit = 100) => db.transaction((tx) => claimBatch(tx, name, types, limit));
const fresh = { position: 0, attempts: 0, last_error: "", retry_at: null };

test(
  "a subscription begins at the beginning; one that is known keeps its place, and hears what it says now",
  limits,
  async () => {
    await ensureSubscription(db.sql, "known", ["b", "a", "b"]);
    assert.deepEqual(await find("known"), { ...fresh, types: ["a", "b"] });
    await db.transaction((tx) => advance(tx, "known", 2n));
    await ensureSubscription(db.sql, "other", ["x"]);
    await ensureSubscription(db.sql, "known", ["c", "a"]);
    assert.deepEqual(await find("known"), { ...fresh, position: 2, types: ["a", "c"] });
    assert.deepEqual(await find("other"), { ...fresh, types: ["x"] });
  },
);

test("a start that changes nothing writes nothing: it does not wait for a node at work", limits, async () => {
  await ensureSubscription(db.sql, "busy", types);
  await db.transaction(async (tx) => {
    await claimBatch(tx, "busy", types, 1);
    await ensureSubscription(db.sql, "busy", types);
  });
});

test("a forgotten subscription is gone with its parked events, and no other is", limits, async () => {
  const failure = { attempts: 1, error: "no", nowMs: 0 };
  for (const name of ["gone", "stays"]) {
    await ensureSubscription(db.sql, name, types);
    await db.transaction((tx) => park(tx, name, 1n, failure));
  }
  for (let times = 0; times < 2; times++) await db.transaction((tx) => forgetSubscription(tx, "gone"));
  assert.deepEqual([await find("gone"), (await listParked("gone")).length], [undefined, 0]);
  assert.deepEqual([(await find("stays"))?.["position"], (await listParked("stays")).length], [0, 1]);
});

test("a claim gives the events after the position, and nothing to a second node until it ends", limits, async () => {
  await ensureSubscription(db.sql, "claimed", types);
  await db.transaction(async (tx) => {
    const first = await claimBatch(tx, "claimed", types, 2);
    assert.ok(first);
    assert.deepEqual(
      [first.events.map(({ data }) => data), first.isHeldBack, first.retryAtMs],
      [["a:1", "a:2"], false, 0],
    );
    assert.equal(await claim("claimed"), undefined);
    await advance(tx, "claimed", first.events[1]?.seq ?? 0n);
  });
  assert.deepEqual(
    (await claim("claimed"))?.events.map(({ data }) => data),
    ["a:3"],
  );
  await db.transaction((tx) => advance(tx, "claimed", 1_000n));
  assert.deepEqual(await claim("claimed"), { events: [], isHeldBack: false, retryAtMs: 0 });
  assert.equal(await claim("unknown"), undefined);
});

test(
  "each failure of an event is twice as far from the next try, up to a limit; the last one parks it",
  limits,
  async () => {
    await ensureSubscription(db.sql, "failing", types);
    const nowMs = Date.UTC(2026, 0, 1);
    const options = { nowMs, firstRetryMs: 100, retryLimitMs: 300, attemptLimit: 4 };
    const fail = (n: number) => recordFailure(db, "failing", 2n, { ...options, error: `failure ${n}` });
    for (const [index, delayMs] of [100, 200, 300].entries()) {
      const attempts = index + 1;
      assert.deepEqual(await fail(attempts), { attempts, isParked: false });
      const retryAt = new Date(nowMs + delayMs);
      const last_error = `failure ${attempts}`;
      assert.deepEqual(await find("failing"), { position: 0, attempts, last_error, retry_at: retryAt, types });
      assert.equal((await claim("failing"))?.retryAtMs, retryAt.getTime());
    }
    assert.deepEqual(await listParked("failing"), []);
    assert.deepEqual(await fail(4), { attempts: 4, isParked: true });
    assert.deepEqual(await listParked("failing"), [
      { seq: 2, attempts: 4, last_error: "failure 4", parked_at: new Date(nowMs) },
    ]);
    assert.deepEqual(await find("failing"), { ...fresh, position: 2, types });
    // Another node got past it meanwhile: nothing is counted twice.
    assert.equal(await fail(5), undefined);
    assert.deepEqual(await find("failing"), { ...fresh, position: 2, types });
  },
);

test(
  "an event that is done leaves no trace of its failures, and other subscriptions as they were",
  limits,
  async () => {
    const failure = { error: "no", nowMs: 1_000, firstRetryMs: 100, retryLimitMs: 100, attemptLimit: 4 };
    for (const name of ["done", "not-done"]) {
      await ensureSubscription(db.sql, name, types);
      await recordFailure(db, name, 1n, failure);
    }
    await db.transaction((tx) => advance(tx, "done", 1n));
    assert.deepEqual(await find("done"), { ...fresh, position: 1, types });
    const expected = { position: 0, attempts: 1, last_error: "no", retry_at: new Date(1_100), types };
    assert.deepEqual(await find("not-done"), expected);
  },
);

test("an event parked again is kept once, with what befell it last", limits, async () => {
  for (const attempts of [1, 2]) {
    const failure = { attempts, error: `failure ${attempts}`, nowMs: attempts };
    await db.transaction((tx) => park(tx, "parked-twice", 1n, failure));
  }
  const [only, ...others] = await listParked("parked-twice");
  assert.deepEqual([only, others], [{ seq: 1, attempts: 2, last_error: "failure 2", parked_at: new Date(2) }, []]);
});

test("a position moves back, never forward", limits, async () => {
  await ensureSubscription(db.sql, "rewound", types);
  const move = (seq: bigint) => db.transaction((tx) => rewind(tx, "rewound", seq));
  await db.transaction((tx) => advance(tx, "rewound", 3n));
  assert.deepEqual([await move(3n), await move(4n), await move(1n), await move(1n)], [false, false, true, false]);
  assert.equal((await find("rewound"))?.["position"], 1);
});

test("an event is noted as handled once per subscription, and not by a transaction that failed", limits, async () => {
  const event = { id: "evt_1", seq: 1n };
  const mark = (name: string) => db.transaction((tx) => markHandled(tx, name, event));
  const lost = db.transaction(async (tx) => {
    assert.equal(await markHandled(tx, "marks", event), true);
    throw new Error("lost");
  });
  await assert.rejects(lost, /lost/);
  assert.deepEqual([await mark("marks"), await mark("marks"), await mark("others")], [true, false, true]);
});

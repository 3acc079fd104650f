import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { noSession, runInContext } from "../rpc/call-context.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createBulkhead } from "./bulkhead.ts";
import type { Priority } from "./load-shed.ts";
import { resilienceFailures } from "./resilience-failures.ts";

const full = (err: unknown) => isFailure(err, resilienceFailures.bulkhead_full);

function start(maxConcurrent: number, maxQueue: number) {
  const clock = createFakeClock();
  const bulkhead = createBulkhead({ maxConcurrent, maxQueue, maxQueueMs: 500 }, { clock, name: "peer" });
  return { clock, bulkhead };
}

test("no more than the given number run at a time, and those who wait go in the order they came", async () => {
  const { bulkhead, clock } = start(2, 3);
  const order: string[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const calls = ends.map(({ promise }, index) =>
    bulkhead.run(() => {
      order.push(`begin ${index}`);
      return promise;
    }),
  );
  assert.deepEqual(order, ["begin 0", "begin 1"]);
  assert.deepEqual(bulkhead.stats(), { inFlight: 2, queued: 3, refused: 0 });
  await Promise.resolve();
  assert.deepEqual(order, ["begin 0", "begin 1"]);
  ends[1]?.resolve();
  await calls[1];
  ends[0]?.resolve();
  await calls[0];
  assert.deepEqual(bulkhead.stats(), { inFlight: 2, queued: 1, refused: 0 });
  for (const { resolve } of ends) resolve();
  await Promise.all(calls);
  assert.deepEqual(order, ["begin 0", "begin 1", "begin 2", "begin 3", "begin 4"]);
  assert.deepEqual(bulkhead.stats(), { inFlight: 0, queued: 0, refused: 0 });
  assert.equal(clock.countTimers(), 0);
});

/** Runs as a call of that tenant's. */
function as<T>(tenantId: string, priority: Priority, work: () => T): T {
  const caller = { tenantId, userId: "", keyId: "key_1", ...noSession, permissions: [], models: [] };
  const ids = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: false };
  return runInContext({ ...ids, caller, locale: "en_US", deadlineMs: undefined, priority }, work);
}

test("a tenant with many calls that wait holds up no other, and what is urgent goes before what is not", async () => {
  const { bulkhead } = start(1, 10);
  bulkhead.enter();
  const order: string[] = [];
  const wait = (tenantId: string, priority: Priority = "interactive") => {
    const entered = as(tenantId, priority, () => bulkhead.enter()) ?? Promise.resolve();
    return entered.then(() => order.push(`${tenantId} ${priority}`));
  };
  const all = [wait("slow", "batch"), ...[1, 2, 3].map(() => wait("noisy")), wait("quiet")];
  for (const _ of all) {
    bulkhead.leave();
    await new Promise(setImmediate);
  }
  await Promise.all(all);
  const urgent = order.filter((one) => one.endsWith("interactive"));
  assert.deepEqual(urgent, ["noisy interactive", "quiet interactive", "noisy interactive", "noisy interactive"]);
  assert.notEqual(order[0], "slow batch");
});

test("where the queue is full of one tenant's calls its last makes room for another's", async () => {
  const { bulkhead, clock } = start(1, 2);
  bulkhead.enter();
  const first = as("noisy", "interactive", () => bulkhead.enter());
  const last = as("noisy", "interactive", () => bulkhead.enter());
  assert.throws(() => as("noisy", "interactive", () => bulkhead.enter()), full);
  const quiet = as("quiet", "interactive", () => bulkhead.enter());
  await assert.rejects(last ?? Promise.resolve(), full);
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 2, refused: 2 });
  for (const entered of [first, quiet]) {
    bulkhead.leave();
    await entered;
  }
  assert.deepEqual([bulkhead.stats().queued, clock.countTimers()], [0, 0]);
});

test("a caller for whom there is no room in the queue is refused at once", async () => {
  const { bulkhead } = start(1, 0);
  assert.equal(bulkhead.enter(), undefined);
  await assert.rejects(
    bulkhead.run(async () => "never"),
    (err) => full(err) && isFailure(err) && err.retryAfterMs === 500 && err.details["policy"] === "peer",
  );
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 0, refused: 1 });
});

test("who would be refused at once can be told so before anything is done for the call; whoever could wait is not", () => {
  const { bulkhead } = start(1, 1);
  assert.equal(bulkhead.refusal(), undefined);
  bulkhead.enter();
  assert.equal(bulkhead.refusal(), undefined, "there is room to wait");
  as("noisy", "background", () => bulkhead.enter())?.catch(() => undefined);
  const refused = as("noisy", "background", () => bulkhead.refusal());
  assert.ok(full(refused) && refused?.retryAfterMs === 500);
  assert.ok(full(bulkhead.refusal({ line: "quiet", priority: "batch" })));
  assert.equal(bulkhead.refusal({ line: "quiet", priority: "interactive" }), undefined, "the less urgent makes room");
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 1, refused: 2 });
});

test("of many who come at once, and have something to do before they enter, only those who will find room do it", async () => {
  const { bulkhead } = start(2, 3);
  const claims: (() => void)[] = [];
  let refused = 0;
  for (let n = 0; n < 100; n++) {
    try {
      claims.push(bulkhead.claim());
    } catch (err) {
      assert.ok(full(err));
      refused++;
    }
  }
  assert.deepEqual([claims.length, refused], [5, 95]);
  assert.ok(full(bulkhead.refusal()));
  const [first, ...others] = claims;
  first?.();
  first?.();
  const again = bulkhead.claim();
  assert.ok(full(bulkhead.refusal()), "given up twice it makes room once");
  const waiting = [again, ...others].map((giveUp) => {
    giveUp();
    return bulkhead.enter();
  });
  assert.deepEqual(bulkhead.stats(), { inFlight: 2, queued: 3, refused: 97 });
  for (let n = 0; n < 5; n++) bulkhead.leave();
  await Promise.all(waiting);
  assert.equal(bulkhead.refusal(), undefined);
  assert.deepEqual(bulkhead.stats(), { inFlight: 0, queued: 0, refused: 97 });
});

test("who has a claim holds up nobody who enters", () => {
  const { bulkhead } = start(1, 0);
  const giveUp = bulkhead.claim();
  assert.equal(bulkhead.tryEnter(), true);
  giveUp();
  assert.throws(() => bulkhead.enter(), full);
});

test("a caller who has waited as long as is allowed is refused, and its place goes to nobody", async () => {
  const { bulkhead, clock } = start(1, 2);
  bulkhead.enter();
  const first = bulkhead.enter();
  clock.advance(1);
  const second = bulkhead.enter();
  clock.advance(499);
  await assert.rejects(first ?? Promise.resolve(), full);
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 1, refused: 1 });
  bulkhead.leave();
  await second;
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 0, refused: 1 });
  assert.equal(clock.countTimers(), 0);
});

test("a caller who leaves gives up its place in the queue, and one who has left is not let in", async () => {
  const { bulkhead, clock } = start(1, 1);
  const caller = new AbortController();
  const reason = new Error("gone");
  bulkhead.enter(caller.signal);
  const waiting = bulkhead.enter(caller.signal);
  caller.abort(reason);
  await assert.rejects(waiting ?? Promise.resolve(), reason);
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 0, refused: 0 });
  assert.equal(clock.countTimers(), 0);
  assert.equal(getEventListeners(caller.signal, "abort").length, 0);
  assert.throws(() => bulkhead.enter(caller.signal), reason);
});

test("a call that fails gives its place back", async () => {
  const { bulkhead } = start(1, 0);
  const bad = new Error("bad");
  for (let i = 0; i < 3; i++) {
    await assert.rejects(
      bulkhead.run(() => Promise.reject(bad)),
      bad,
    );
  }
  assert.equal(bulkhead.stats().inFlight, 0);
});

test("a higher limit lets in who waits, at once; a lower one takes no place away", async () => {
  const { bulkhead } = start(1, 4);
  bulkhead.enter();
  const waiting = [bulkhead.enter(), bulkhead.enter(), bulkhead.enter()];
  bulkhead.update({ maxConcurrent: 3, maxQueue: 4, maxQueueMs: 500 });
  await Promise.all(waiting.slice(0, 2));
  assert.deepEqual(bulkhead.stats(), { inFlight: 3, queued: 1, refused: 0 });
  bulkhead.update({ maxConcurrent: 1, maxQueue: 4, maxQueueMs: 500 });
  bulkhead.leave();
  bulkhead.leave();
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 1, refused: 0 });
  bulkhead.leave();
  await waiting[2];
  assert.deepEqual(bulkhead.stats(), { inFlight: 1, queued: 0, refused: 0 });
});

test("R5: a peer that hangs takes its own places and none of the other's", async () => {
  const hanging = start(10, 0).bulkhead;
  const other = start(10, 0).bulkhead;
  const ends = await Promise.allSettled([
    ...Array.from({ length: 1_000 }, () => Promise.race([hanging.run(() => new Promise(() => {})), Promise.resolve()])),
    ...Array.from({ length: 10 }, () => other.run(async () => "well")),
  ]);
  assert.equal(hanging.stats().inFlight, 10);
  assert.equal(hanging.stats().refused, 990);
  assert.ok(ends.slice(-10).every((end) => end.status === "fulfilled"));
});

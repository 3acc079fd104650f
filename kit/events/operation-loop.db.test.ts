import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Database } from "../db/database.ts";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import {
  append,
  closed,
  createCollector,
  type EventNode,
  openEventNode,
  opened,
  parkEvents,
  say,
} from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { effects, listEffects, replayedEffects } from "../testing/handler-contract.ts";
import type { TestScope } from "../testing/test-cluster.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { type DurableSubscription, onEvent } from "./event.ts";
import { createEventDesk, type EventDesk } from "./event-desk.ts";
import type { Operation, OperationScope } from "./operation.ts";
import { ensureSubscription } from "./subscription-store.ts";

const limits = { timeout: 120_000 };
const service = "test-hearer";
const random = createRandom(systemClock);
const victim = fileURLToPath(new URL("../testing/replay-victim.ts", import.meta.url));

/** A node, and a desk with the rights that the migration of the service for operators gives. */
async function openDesk(t: TestScope, adminUrl?: string): Promise<EventNode & { readonly desk: EventDesk }> {
  const node = await openEventNode(t, adminUrl === undefined ? {} : { adminUrl });
  await node.admin`grant execute on all functions in schema event_log to lyss_test_writer`;
  return { ...node, desk: createEventDesk(node.writerDb.sql) };
}

function asked(subscription: string, scope: OperationScope = {}) {
  return { id: random.id("opn"), service, subscription, scope, askedBy: "usr_1", askedAt: new Date() };
}

async function askRedrive(desk: EventDesk, subscription: string, scope?: OperationScope): Promise<string> {
  const request = asked(subscription, scope);
  const { count, lastSeq } = await desk.measureParked(request);
  const range = { afterSeq: 0n, untilSeq: lastSeq, total: count, maxOpen: 10 };
  assert.ok(await desk.askOperation("redrive", request, range));
  return request.id;
}

async function askReplay(
  desk: EventDesk,
  subscription: string,
  scope: OperationScope = {},
  afterSeq = 0n,
): Promise<string> {
  const request = asked(subscription, scope);
  const types = scope.types ?? [opened.type, closed.type];
  const untilSeq = await desk.findEnd(types);
  const total = await desk.countEvents({ types }, afterSeq, untilSeq);
  assert.ok(await desk.askOperation("replay", request, { afterSeq, untilSeq, total, maxOpen: 10 }));
  return request.id;
}

async function waitFor(desk: EventDesk, id: string, isThere: (operation: Operation) => boolean): Promise<Operation> {
  let found: Operation | undefined;
  await waitUntil(async () => {
    found = await desk.findOperation(id);
    return found !== undefined && isThere(found);
  });
  assert.ok(found);
  return found;
}

const isDone = ({ state }: Operation) => state === "done";

/** Everything that was said has taken its first effect, and is forgotten: what comes then was replayed. */
async function settle(db: Database, count: number): Promise<void> {
  await waitUntil(async () => (await listEffects(db)).length === count);
  await db.sql`delete from effect`;
}

test("what was asked before any node hosts the subscription is redriven by the first that does", limits, async (t) => {
  const { writerDb, hearerDb, hear, desk } = await openDesk(t);
  for (const value of ["a:1", "b:1", "a:2", "b:2"]) await say(writerDb, opened, value);
  await ensureSubscription(hearerDb.sql, "effects", [opened.type]);
  await hearerDb.sql`update event_log.subscription set position = 1000`;
  await parkEvents(hearerDb, "effects", ["a:1", "b:1", "a:2", "b:2"]);
  let isBroken = true;
  const breaking: DurableSubscription = {
    ...effects,
    async handle(tx, event) {
      await effects.handle(tx, event);
      if (isBroken && event.key === "a") throw new RangeError("still broken");
    },
  };
  const id = await askRedrive(desk, "effects");
  assert.equal((await desk.findOperation(id))?.state, "pending");
  await hear([breaking]);
  const done = await waitFor(desk, id, isDone);
  assert.deepEqual([done.total, done.handled, done.failed, done.heldBack], [4n, 2n, 1n, 1n]);
  assert.deepEqual([done.kind, done.service, done.askedBy], ["redrive", service, "usr_1"]);
  assert.deepEqual(await listEffects(hearerDb), ["b:1", "b:2"]);
  const left = await desk.listParked(asked("effects"), { afterSeq: 0n, limit: 10 });
  assert.deepEqual(
    left.map(({ key, data, attempts, lastError }) => [key, data, attempts, lastError]),
    [
      ["a", "a:1", 11, "RangeError: still broken"],
      ["a", "a:2", 10, "Error: no"],
    ],
  );
  isBroken = false;
  const both = await Promise.all([askRedrive(desk, "effects"), askRedrive(desk, "effects", { keys: ["a"] })]);
  const results = await Promise.all(both.map((each) => waitFor(desk, each, isDone)));
  assert.equal(
    results.reduce((sum, { handled }) => sum + handled, 0n),
    2n,
    "what is asked twice is done once",
  );
  assert.deepEqual(await listEffects(hearerDb), ["a:1", "b:1", "a:2", "b:2"]);
});

test(
  "a node that is killed in the middle of a replay loses and repeats nothing: another ends it",
  limits,
  async (t) => {
    const { adminUrl, writerDb, hearerDb, hear, desk } = await openDesk(t);
    const values = Array.from({ length: 250 }, (_, n) => `${n % 2 ? "a" : "b"}:${n}`);
    await writerDb.transaction(async (tx) => {
      for (const value of values) await append(tx, opened, value);
    });
    const first = await hear([replayedEffects]);
    await settle(hearerDb, values.length);
    await first.stop();

    const id = await askReplay(desk, "replayed");
    const child = spawn(process.execPath, [victim, adminUrl, values[170] ?? ""], { stdio: "inherit" });
    const [, signal] = await once(child, "exit");
    assert.equal(signal, "SIGKILL");
    const halfway = await desk.findOperation(id);
    assert.deepEqual([halfway?.state, halfway?.handled], ["running", 100n]);
    await hear([replayedEffects]);
    const done = await waitFor(desk, id, isDone);
    assert.deepEqual([done.handled, done.total, done.lastError], [250n, 250n, ""]);
    assert.deepEqual(
      await listEffects(hearerDb),
      values.map((value) => `${value} ${id}`),
    );
  },
);

test("a replay is paused, goes on where it was, and is canceled; it moves no position", limits, async (t) => {
  const { admin, writerDb, hearerDb, hear, desk } = await openDesk(t);
  for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
  const clock = createFakeClock(Date.now());
  await hear([replayedEffects], clock);
  await settle(hearerDb, 3);
  // One event each 100 s.
  await admin`update event_log.event set time = to_timestamp(1000000 + 100 * seq)`;
  const [before] = await desk.listSubscriptions(service);
  const id = await askReplay(desk, "replayed", { speed: 10 });
  await waitFor(desk, id, ({ handled }) => handled === 1n);
  const paused = await desk.steerOperation(id, "paused", new Date());
  assert.equal(paused?.state, "paused");
  assert.equal((await desk.steerOperation(id, "paused", new Date()))?.state, "paused", "a repeat changes nothing");
  clock.advance(60_000);
  assert.deepEqual(await listEffects(hearerDb), [`a:1 ${id}`]);
  await desk.steerOperation(id, "pending", new Date());
  await waitFor(desk, id, ({ handled }) => handled === 2n);
  await waitUntil(async () => {
    clock.advance(1_000);
    return (await desk.findOperation(id))?.state === "done";
  });
  assert.deepEqual(await listEffects(hearerDb), [`a:1 ${id}`, `a:2 ${id}`, `a:3 ${id}`]);
  assert.equal(await desk.steerOperation(id, "canceled", new Date()), undefined, "what has ended is not canceled");

  const other = await askReplay(desk, "replayed", { speed: 0.01 });
  await waitFor(desk, other, ({ handled }) => handled === 1n);
  const canceled = await desk.steerOperation(other, "canceled", new Date());
  assert.deepEqual([canceled?.state, canceled?.handled], ["canceled", 1n]);
  assert.ok(canceled?.endedAt);
  const [after] = await desk.listSubscriptions(service);
  assert.deepEqual([after?.position, after?.parked], [before?.position, 0]);
  const { length } = await desk.listOperations({ service, subscription: "replayed", limit: 10 });
  assert.equal(length, 2);
});

test(
  "a replay whose handler fails names the event, gives up after ten tries, and can be resumed",
  limits,
  async (t) => {
    const { writerDb, hearerDb, hear, desk } = await openDesk(t);
    for (const n of [1, 2, 3, 4, 5]) await say(writerDb, opened, `a:${n}`);
    const clock = createFakeClock(Date.now());
    let isBroken = true;
    const breaking: DurableSubscription = {
      ...replayedEffects,
      async handle(tx, event) {
        await replayedEffects.handle(tx, event);
        const { value } = event.data as unknown as { value: string };
        if (isBroken && event.replayId !== undefined && value === "a:4") throw new Error("no a:4");
      },
    };
    await hear([breaking], clock);
    await settle(hearerDb, 5);
    const id = await askReplay(desk, "replayed");
    await waitUntil(async () => {
      clock.advance(1_000);
      return (await desk.findOperation(id))?.state === "failed";
    });
    const failed = await desk.findOperation(id);
    const [, , , fourth] = await desk.listEvents({}, { order: "oldest", limit: 10 });
    assert.deepEqual([failed?.handled, failed?.attempts], [3n, 10]);
    assert.equal(failed?.lastError, `${fourth?.id}: Error: no a:4`);
    isBroken = false;
    await desk.steerOperation(id, "pending", new Date());
    const done = await waitFor(desk, id, isDone);
    assert.deepEqual([done.handled, done.lastError], [5n, ""]);
    assert.equal((await listEffects(hearerDb)).length, 5);
  },
);

test(
  "the desk sees what every subscription does and who has handled what; other roles see nothing",
  limits,
  async (t) => {
    const { admin, writerDb, hearerDb, hear, desk } = await openDesk(t);
    const heard = createCollector();
    await hear([onEvent("fast", opened, async (_tx, event) => heard.add(event.data.value))]);
    await ensureSubscription(hearerDb.sql, "stuck", [opened.type, closed.type]);
    for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
    await heard.until(3);
    await parkEvents(hearerDb, "fast", ["a:2"]);
    await waitUntil(async () => (await desk.findSubscription(service, "fast"))?.behind === 0);
    const rows = await desk.listSubscriptions(undefined);
    assert.deepEqual(
      rows.map(({ service: owner, name, behind, parked, isReplayable }) => [owner, name, behind, parked, isReplayable]),
      [
        [service, "fast", 0, 1, false],
        [service, "stuck", 3, 0, false],
      ],
    );
    const [, second] = await desk.listEvents({}, { order: "oldest", limit: 10 });
    assert.ok(second);
    const receivers = await desk.listReceivers(second);
    assert.deepEqual(
      receivers.map(({ subscription, isPassed, lastError }) => [subscription, isPassed, lastError]),
      [
        ["fast", true, "Error: no"],
        ["stuck", false, null],
      ],
    );
    const types = await desk.listTypes();
    assert.deepEqual(
      types.map(({ type, firstSeq, lastSeq }) => [type, firstSeq, lastSeq]),
      [[opened.type, 1n, 3n]],
    );

    assert.equal(await desk.forgetDead(asked("stuck"), 120_000), undefined, "a live one is not forgotten");
    await admin`update event_log.subscription set seen_at = now() - interval '3 minutes' where name = 'stuck'`;
    assert.equal((await desk.forgetDead(asked("stuck"), 120_000))?.kind, "forget");
    assert.equal(await desk.findSubscription(service, "stuck"), undefined);
    const skipped = await desk.skipParked(asked("fast", { types: [opened.type] }), 10);
    assert.deepEqual([skipped?.state, skipped?.handled], ["done", 1n]);

    const other = createEventDesk(hearerDb.sql);
    const refused = { code: "42501" };
    await assert.rejects(other.listSubscriptions(undefined), refused);
    await assert.rejects(other.listParked(asked("fast"), { afterSeq: 0n, limit: 1 }), refused);
    await assert.rejects(other.skipParked(asked("fast"), 1), refused);
    await assert.rejects(other.forgetDead(asked("fast"), 0), refused);
    await assert.rejects(other.steerOperation("opn_1", "canceled", new Date()), refused);
    await assert.rejects(other.listOperations({ limit: 1 }), refused);
  },
);

test("a subscription has so many open operations at most", limits, async (t) => {
  const { hearerDb, desk } = await openDesk(t);
  await ensureSubscription(hearerDb.sql, "effects", [opened.type]);
  const ask = (subscription: string) =>
    desk.askOperation("redrive", asked(subscription), { afterSeq: 0n, untilSeq: 0n, total: 0n, maxOpen: 2 });
  assert.ok(await ask("effects"));
  assert.ok(await ask("effects"));
  assert.equal(await ask("effects"), undefined);
  assert.equal(await ask("unknown"), undefined);
});

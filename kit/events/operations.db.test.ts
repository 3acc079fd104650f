import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { eventLogName, openCluster } from "../db/cluster.ts";
import {
  append,
  closed,
  createCollector,
  openEventNode,
  opened,
  outbox,
  parkEvents,
  say,
} from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { deriveTestKey, silentLog } from "../testing/test-cluster.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { onEvent } from "./event.ts";
import { createLogRetention } from "./log-retention.ts";
import { listParkedEvents, redriveParkedEvents, skipParkedEvents } from "./parked-events.ts";
import { createLagGauges, readLags } from "./subscription-lag.ts";
import { ensureSubscription, forgetSubscription } from "./subscription-store.ts";

const limits = { timeout: 120_000 };
const dayMs = 86_400_000;

test("redriven events come in order per key; one that fails again holds back its key only", limits, async (t) => {
  const { writerDb, hearerDb } = await openEventNode(t);
  for (const value of ["a:1", "b:1", "a:2", "b:2", "c:1"]) await say(writerDb, opened, value);
  await ensureSubscription(hearerDb.sql, "effects", [opened.type]);
  await parkEvents(hearerDb, "effects", ["a:1", "b:1", "a:2", "b:2"]);
  const clock = createFakeClock();
  const heard = createCollector();
  let isBroken = true;
  const subscription = onEvent("effects", opened, async (tx, event) => {
    await tx`insert into effect values (${event.id}, ${event.data.value})`;
    if (isBroken && event.data.value === "a:1") throw new RangeError("still broken");
    heard.add(event.data.value);
  });
  const deps = { db: hearerDb, clock };
  assert.deepEqual(await redriveParkedEvents(deps, subscription), { handled: 2, failed: 1, heldBack: 1 });
  assert.deepEqual(heard.values, ["b:1", "b:2"]);
  const left = await listParkedEvents(hearerDb.sql, "effects");
  assert.deepEqual(
    left.map(({ key, attempts, lastError }) => ({ key, attempts, lastError })),
    [
      { key: "a", attempts: 11, lastError: "RangeError: still broken" },
      { key: "a", attempts: 10, lastError: "Error: no" },
    ],
  );
  isBroken = false;
  const both = await Promise.all([
    redriveParkedEvents(deps, subscription, { keys: ["a"] }),
    redriveParkedEvents(deps, subscription, { keys: ["a"] }),
  ]);
  assert.equal(both[0].handled + both[1].handled, 2, "two callers share the work");
  const effects = await hearerDb.sql`select value from effect order by value`;
  assert.deepEqual(
    effects.map(({ value }) => value),
    ["a:1", "a:2", "b:1", "b:2"],
  );
});

test(
  "a skipped event is never handled again, and other services' parked events are out of reach",
  limits,
  async (t) => {
    const { writerDb, hearerDb } = await openEventNode(t);
    for (const value of ["a:1", "a:2"]) await say(writerDb, opened, value);
    await parkEvents(hearerDb, "effects", ["a:1", "a:2"]);
    assert.deepEqual(await writerDb.transaction((tx) => skipParkedEvents(tx, "effects")), []);
    const [first] = await listParkedEvents(hearerDb.sql, "effects", { limit: 1 });
    assert.ok(first);
    const skipped = await hearerDb.transaction((tx) => skipParkedEvents(tx, "effects", { eventIds: [first.id] }));
    assert.deepEqual(
      skipped.map(({ id }) => id),
      [first.id],
    );
    const left = await listParkedEvents(hearerDb.sql, "effects", { types: [opened.type] });
    assert.deepEqual(
      left.map(({ data }) => data),
      ["a:2"],
    );
  },
);

test("the lag counts the events of a subscription's own types, in numbers that Prometheus shows", limits, async (t) => {
  const clock = createFakeClock(Date.now());
  const { writerDb, hearerDb, hear } = await openEventNode(t);
  await ensureSubscription(hearerDb.sql, "slow", [opened.type]);
  for (const value of ["a:1", "a:2"]) await say(writerDb, opened, value);
  await say(writerDb, closed, "a:3");
  await parkEvents(hearerDb, "slow", ["a:1"]);
  clock.advance(dayMs);
  const [lag] = await readLags(hearerDb, ["slow", "unknown"], clock);
  assert.ok(lag);
  assert.deepEqual([lag.name, lag.behind, lag.parked], ["slow", 2, 1]);
  assert.ok(lag.oldestAgeMs > dayMs - 60_000 && lag.oldestAgeMs <= dayMs + 60_000);
  const registry = new Registry();
  const gauges = createLagGauges(registry);
  const forget = gauges.add("hearer", () => readLags(hearerDb, ["slow"], clock));
  gauges.add("broken", () => Promise.reject(new Error("database is away")));
  assert.match(await registry.metrics(), /event_subscription_behind\{service="hearer",subscription="slow"\} 2/);
  forget();
  assert.doesNotMatch(await registry.metrics(), /subscription="slow"/);

  const running = await hear(
    [
      onEvent("slow", opened, async () => {
        throw new Error("not yet");
      }),
    ],
    clock,
  );
  await assert.rejects(running.check(), /slow is 2 events behind/);
});

test(
  "retention deletes what is old and passed by every subscription to its type, and nothing else",
  limits,
  async (t) => {
    const clock = createFakeClock(Date.now());
    const { adminUrl, writerDb, hearerDb, hear } = await openEventNode(t);
    const cluster = openCluster({ adminUrl, deriveKey: deriveTestKey, maxConnections: 60, log: silentLog, clock });
    t.after(cluster.close);
    await cluster.prepare([]);
    const retention = createLogRetention({ db: cluster.open(eventLogName), clock, keepMs: 7 * dayMs, batchSize: 10 });
    const never = new AbortController().signal;
    await writerDb.transaction(async (tx) => {
      for (let n = 1; n <= 35; n++) await append(tx, opened, `a:${n}`);
      for (let n = 1; n <= 5; n++) await append(tx, closed, `b:${n}`);
      await outbox.append(tx, opened, { value: "s:1" }, { expectedRevision: "none" });
    });
    await parkEvents(hearerDb, "effects", ["a:7"]);
    // Nobody has passed the second type, and the subscription to it has not even begun.
    await ensureSubscription(hearerDb.sql, "stuck", [closed.type]);
    const heard = createCollector();
    await hear([onEvent("effects", opened, async (_tx, event) => heard.add(event.data.value))]);
    await heard.until(36);
    await waitUntil(async () => (await readLags(hearerDb, ["effects"], clock))[0]?.behind === 0);

    assert.equal(await retention.prune(never), 0, "young events stay");
    clock.advance(8 * dayMs);
    assert.equal(await retention.prune(AbortSignal.abort()), 0, "a stopped job does nothing");
    assert.equal(await retention.prune(never), 34);
    const left = await hearerDb.sql<{ data: string }[]>`select data from event_log.event order by seq`;
    assert.deepEqual(
      left.map(({ data }) => data),
      ["a:7", "b:1", "b:2", "b:3", "b:4", "b:5", "s:1"],
    );
    await hearerDb.transaction((tx) => forgetSubscription(tx, "stuck"));
    assert.equal(await retention.prune(never), 5, "a forgotten subscription holds nothing back");
    await assert.rejects(hearerDb.sql`select * from event_log.delete_passed(0, now(), 1)`, { code: "42501" });
  },
);

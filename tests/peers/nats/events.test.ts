import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Database } from "@lyss/kit/db/database.ts";
import { type NatsRelay, startNatsRelay } from "@lyss/kit/events/nats-relay.ts";
import { startNatsSubscription } from "@lyss/kit/events/nats-subscription.ts";
import { connectNats, type NatsOptions } from "@lyss/kit/events/nats-transport.ts";
import { rewind } from "@lyss/kit/events/subscription-store.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { killNow } from "@lyss/kit/testing/chaos/chaos-killer.ts";
import { append, closed, openEventNode, opened, say, waitUntil } from "@lyss/kit/testing/event-log.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { effects, type HandlerBench, listEffects, testHandlers } from "@lyss/kit/testing/handler-contract.ts";
import { closeInReverse, silentLog, type TestScope } from "@lyss/kit/testing/postgres.ts";
import { startNats } from "./nats-server.ts";

const limits = { timeout: 120_000 };
/** The row's hundred take minutes: SCENARIO_FULL=1 asks for them. */
const kills = process.env["SCENARIO_FULL"] === "1" ? 100 : 10;
const killLimits = { timeout: kills * 12_000 };
const relayProcess = fileURLToPath(new URL("./relay-process.ts", import.meta.url));
const types = [opened.type, closed.type];

/** A log, a broker, and a relay from one to the other. */
async function openNatsBench(t: TestScope, options: Partial<NatsOptions> = {}) {
  const scope = closeInReverse(t);
  const server = await startNats(scope);
  const node = await openEventNode(scope);
  const transport = await connectNats({ servers: [server.address], ...options });
  scope.after(transport.close);
  const shared = { db: node.hearerDb, transport, log: silentLog, clock: systemClock };
  const startRelay = async (db: Database = node.hearerDb): Promise<NatsRelay> => {
    const relay = await startNatsRelay({ ...shared, db, types, listener: node.feed.listener });
    scope.after(relay.stop);
    return relay;
  };
  const hear: HandlerBench["hear"] = async (subscription, clock = systemClock) => {
    const own = { ...shared, clock, serviceName: "test-hearer", subscription, ackWaitMs: 2_000 };
    const running = startNatsSubscription(own);
    scope.after(running.stop);
    return running;
  };
  const countMessages = async () => (await transport.manager.streams.info(transport.stream)).state.messages;
  const untilEffects = (count: number) =>
    waitUntil(async () => (await listEffects(node.hearerDb).catch(() => [])).length >= count);
  return { ...node, server, transport, startRelay, hear, countMessages, untilEffects };
}

const toValues = (from: number, count: number) => Array.from({ length: count }, (_, n) => `a:${from + n}`);

testHandlers("NATS", async (t) => {
  const bench = await openNatsBench(t);
  await bench.startRelay();
  return bench;
});

test("when the broker was killed and came back every event has taken effect once, in order", limits, async (t) => {
  const { server, writerDb, hearerDb, startRelay, hear, untilEffects } = await openNatsBench(t);
  await startRelay();
  await hear(effects);
  for (const value of toValues(0, 20)) await say(writerDb, opened, value);
  await untilEffects(5);
  await server.kill();
  for (const value of toValues(20, 20)) await say(writerDb, opened, value);
  await server.start();
  await untilEffects(40);
  assert.deepEqual(await listEffects(hearerDb), toValues(0, 40));
});

test("D4: what a broker has lost it gets again from the log, and nothing takes effect twice", limits, async (t) => {
  const bench = await openNatsBench(t);
  const { server, transport, writerDb, hearerDb, startRelay, hear, countMessages, untilEffects } = bench;
  await startRelay();
  await hear(effects);
  for (const value of toValues(0, 10)) await say(writerDb, opened, value);
  await untilEffects(10);
  await transport.manager.streams.delete(transport.stream);
  await say(writerDb, opened, "a:10");
  await untilEffects(11);
  await waitUntil(async () => (await countMessages().catch(() => 0)) === 11);

  await server.kill();
  server.wipe();
  await server.start();
  await say(writerDb, opened, "a:11");
  await untilEffects(12);
  await waitUntil(async () => (await countMessages().catch(() => 0)) === 12);
  assert.deepEqual(await listEffects(hearerDb), toValues(0, 12));
});

test(
  "D5: events that are published again after the broker's window for duplicates take effect once",
  limits,
  async (t) => {
    const bench = await openNatsBench(t, { duplicateWindowMs: 100 });
    const { writerDb, hearerDb, startRelay, hear, countMessages, untilEffects } = bench;
    const first = await startRelay();
    await hear(effects);
    for (const value of toValues(0, 10)) await say(writerDb, opened, value);
    await untilEffects(10);
    await first.stop();
    // Each look takes a while; when the broker stores one of them again, it has forgotten them.
    for (let seen = await countMessages(); seen < 20; seen = await countMessages()) {
      assert.ok(await hearerDb.transaction((tx) => rewind(tx, "nats-relay", 0n)));
      const relay = await startRelay();
      await waitUntil(async () => {
        const [row] = await hearerDb.sql`select position > 0 as is_done from event_log.subscription`;
        return row?.["is_done"] === true;
      });
      await relay.stop();
    }
    await say(writerDb, opened, "a:10");
    await startRelay();
    await untilEffects(11);
    assert.deepEqual(await listEffects(hearerDb), toValues(0, 11));
  },
);

test(
  "D2: a relay that dies 100 times between publishing and noting it loses and doubles nothing",
  limits,
  async (t) => {
    const { writerDb, hearerDb, startRelay, hear, untilEffects } = await openNatsBench(t);
    await hear(effects);
    for (let round = 0; round < 100; round++) {
      for (const value of toValues(2 * round, 2)) await say(writerDb, opened, value);
      const died = Promise.withResolvers<void>();
      const dyingDb: Database = {
        ...hearerDb,
        transaction: (work) =>
          hearerDb.transaction(async (tx) => {
            await work(tx);
            died.resolve();
            throw new Error("died before the commit");
          }),
      };
      const relay = await startRelay(dyingDb);
      await died.promise;
      await relay.stop();
    }
    await startRelay();
    await untilEffects(200);
    assert.deepEqual(await listEffects(hearerDb), toValues(0, 200));
  },
);

test(`D2: ${kills} relay processes, each killed while it publishes, lose and double nothing`, killLimits, async (t) => {
  const { adminUrl, server, writerDb, hearerDb, startRelay, hear, countMessages, untilEffects } =
    await openNatsBench(t);
  await hear(effects);
  const rounds = kills;
  const perRound = 150;
  for (let round = 0; round < rounds; round++) {
    await writerDb.transaction(async (tx) => {
      for (const value of toValues(perRound * round, perRound)) await append(tx, opened, value);
    });
    const before = await countMessages().catch(() => 0);
    const relay = spawn(process.execPath, [relayProcess, adminUrl, server.address], { stdio: "ignore" });
    await waitUntil(async () => relay.exitCode !== null || (await countMessages().catch(() => 0)) > before);
    await killNow(relay);
  }
  await startRelay();
  await untilEffects(rounds * perRound);
  assert.deepEqual(await listEffects(hearerDb), toValues(0, rounds * perRound));
});

test("an event is not given up because the database was away for long", limits, async (t) => {
  const { writerDb, hearerDb, transport, startRelay, untilEffects } = await openNatsBench(t);
  await startRelay();
  await say(writerDb, opened, "a:1");
  let failures = 0;
  const awayDb: Database = {
    ...hearerDb,
    transaction: (work) => (failures++ < 20 ? Promise.reject(new Error("away")) : hearerDb.transaction(work)),
  };
  const clock = createFakeClock();
  const running = startNatsSubscription({
    serviceName: "test-hearer",
    subscription: effects,
    db: awayDb,
    transport,
    log: silentLog,
    clock,
  });
  await waitUntil(async () => {
    clock.advance(1_000);
    return failures > 20;
  });
  await untilEffects(1);
  await running.stop();
  assert.equal((await hearerDb.sql`select from event_log.parked_event`).length, 0);
});

test("D3: two relays whose sessions are cut again and again lose and double nothing", limits, async (t) => {
  const { admin, writerDb, hearerDb, startRelay, hear, untilEffects } = await openNatsBench(t);
  await startRelay();
  await startRelay();
  await hear(effects);
  const total = 1_000;
  for (let from = 0; from < total; from += 10) {
    await writerDb.transaction(async (tx) => {
      for (const value of toValues(from, 10)) await append(tx, opened, value);
    });
    if (from < total / 2) {
      await admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'lyss:test-hearer'`;
    }
  }
  await untilEffects(total);
  assert.deepEqual(await listEffects(hearerDb), toValues(0, total));
});

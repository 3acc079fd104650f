import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import type { Sql } from "postgres";
import type { Database } from "../db/database.ts";
import type { BrokerRelay } from "../events/broker-relay.ts";
import { startBrokerRelay } from "../events/broker-relay.ts";
import { startBrokerSubscription } from "../events/broker-subscription.ts";
import type { BrokerTransport } from "../events/broker-transport.ts";
import type { DurableSubscription } from "../events/event.ts";
import { rewind } from "../events/subscription-store.ts";
import { startSubscriptions } from "../events/subscriptions.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { append, closed, type EventNode, openEventNode, opened, say } from "./event-log.ts";
import { createFakeClock } from "./fake-clock.ts";
import { effects, type HandlerBench, listEffects, testHandlers } from "./handler-contract.ts";
import { closeInReverse, silentLog, type TestScope } from "./test-cluster.ts";
import { waitUntil } from "./wait-until.ts";

/** A broker of the test's own, with a transport that speaks to it. */
export interface TestBroker {
  readonly transport: BrokerTransport;
  kill(): Promise<void>;
  /** After `kill`, with what is on disk. */
  start(): Promise<void>;
  /** After `kill`: everything that it has stored is lost. */
  wipe(): Promise<void>;
  /** Deletes its streams or topics while it runs. */
  drop(): Promise<void>;
  /** A process that runs a relay from that database until it is killed. */
  spawnRelay(adminUrl: string): ChildProcess;
}

/** A log, a broker, and relays from one to the other. */
export interface BrokerBench extends HandlerBench {
  readonly node: EventNode;
  readonly broker: TestBroker;
  readonly admin: Sql;
  startRelay(db?: Database): Promise<BrokerRelay>;
  countMessages(): Promise<number>;
  untilEffects(count: number): Promise<unknown>;
}

/** Types that the transport has to carry. */
export const brokerTypes = [opened.type, closed.type];

const limits = { timeout: 120_000 };
/** The row's hundred take minutes: SCENARIO_FULL=1 asks for them. */
const kills = process.env["SCENARIO_FULL"] === "1" ? 100 : 5;
const killLimits = { timeout: Math.max(120_000, kills * 12_000) };
const ackWaitMs = 2_000;

export async function openBrokerBench(
  t: TestScope,
  openBroker: (scope: TestScope) => Promise<TestBroker>,
): Promise<BrokerBench> {
  const scope = closeInReverse(t);
  const node = await openEventNode(scope);
  const broker = await openBroker(scope);
  const { transport } = broker;
  const { hearerDb, writerDb, admin } = node;
  const shared = { transport, log: silentLog, types: brokerTypes };
  return {
    node,
    broker,
    writerDb,
    hearerDb,
    admin,
    async startRelay(db = hearerDb) {
      const relay = await startBrokerRelay({ ...shared, db, listener: node.feed.listener, clock: systemClock });
      scope.after(relay.stop);
      return relay;
    },
    async hear(subscription: DurableSubscription, clock: Clock = systemClock) {
      const own = { ...shared, serviceName: "test-hearer", subscription, db: hearerDb, clock, ackWaitMs };
      const running = startBrokerSubscription(own);
      scope.after(running.stop);
      return running;
    },
    async countMessages() {
      const topics = await transport.listTopics();
      return topics.reduce((sum, { messages }) => sum + messages, 0);
    },
    untilEffects: (count) => waitUntil(async () => (await listEffects(hearerDb).catch(() => [])).length >= count),
  };
}

const toValues = (from: number, count: number) => Array.from({ length: count }, (_, n) => `a:${from + n}`);

async function sayTogether(db: Database, values: readonly string[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (const value of values) await append(tx, opened, value);
  });
}

/** What holds with any broker between the log and the handlers, whatever the broker does. */
export function testBroker(name: string, openBroker: (scope: TestScope) => Promise<TestBroker>): void {
  const openBench = (t: TestScope) => openBrokerBench(t, openBroker);

  testHandlers(name, async (t) => {
    const bench = await openBench(t);
    await bench.startRelay();
    return bench;
  });
  testOutages(name, openBench);
  testRelays(name, openBench);
  testMoves(name, openBench);
}

function testOutages(name: string, openBench: (t: TestScope) => Promise<BrokerBench>): void {
  test(
    `${name}: when the broker was killed and came back every event has taken effect once, in order`,
    limits,
    async (t) => {
      const { broker, writerDb, hearerDb, startRelay, hear, untilEffects } = await openBench(t);
      await startRelay();
      await hear(effects);
      for (const value of toValues(0, 20)) await say(writerDb, opened, value);
      await untilEffects(5);
      await broker.kill();
      for (const value of toValues(20, 20)) await say(writerDb, opened, value);
      await broker.start();
      await untilEffects(40);
      assert.deepEqual(await listEffects(hearerDb), toValues(0, 40));
    },
  );

  test(
    `D4: ${name}: what a broker has lost it gets again from the log, and nothing takes effect twice`,
    limits,
    async (t) => {
      const { broker, writerDb, hearerDb, startRelay, hear, countMessages, untilEffects } = await openBench(t);
      const untilMessages = (count: number) => waitUntil(async () => (await countMessages().catch(() => 0)) >= count);
      await startRelay();
      await hear(effects);
      for (const value of toValues(0, 10)) await say(writerDb, opened, value);
      await untilEffects(10);
      await broker.drop();
      await say(writerDb, opened, "a:10");
      await untilEffects(11);
      await untilMessages(11);

      await broker.kill();
      await broker.wipe();
      await broker.start();
      await say(writerDb, opened, "a:11");
      await untilEffects(12);
      await untilMessages(12);
      assert.deepEqual(await listEffects(hearerDb), toValues(0, 12));
    },
  );

  test(`${name}: an event is not given up because the database was away for long`, limits, async (t) => {
    const { broker, writerDb, hearerDb, startRelay, untilEffects } = await openBench(t);
    await startRelay();
    await say(writerDb, opened, "a:1");
    let failures = 0;
    const awayDb: Database = {
      ...hearerDb,
      transaction: (work) => (failures++ < 20 ? Promise.reject(new Error("away")) : hearerDb.transaction(work)),
    };
    const clock = createFakeClock();
    const running = startBrokerSubscription({
      serviceName: "test-hearer",
      subscription: effects,
      db: awayDb,
      transport: broker.transport,
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
}

function testRelays(name: string, openBench: (t: TestScope) => Promise<BrokerBench>): void {
  test(`D5: ${name}: events that the broker stores a second time take effect once`, limits, async (t) => {
    const { broker, writerDb, hearerDb, startRelay, hear, countMessages, untilEffects } = await openBench(t);
    const first = await startRelay();
    await hear(effects);
    for (const value of toValues(0, 10)) await say(writerDb, opened, value);
    await untilEffects(10);
    await first.stop();
    // Each look takes a while; when the broker stores one of them again, it has forgotten them.
    for (let seen = await countMessages(); seen < 20; seen = await countMessages()) {
      assert.ok(await hearerDb.transaction((tx) => rewind(tx, `${broker.transport.name}-relay`, 0n)));
      const relay = await startRelay();
      await waitUntil(async () => {
        const [row] = await hearerDb.sql`
          select position > 0 as is_done from event_log.subscription where name = ${`${broker.transport.name}-relay`}`;
        return row?.["is_done"] === true;
      });
      await relay.stop();
    }
    await say(writerDb, opened, "a:10");
    await startRelay();
    await untilEffects(11);
    assert.deepEqual(await listEffects(hearerDb), toValues(0, 11));
  });

  test(
    `D2: ${name}: a relay that dies 100 times between publishing and noting it loses and doubles nothing`,
    limits,
    async (t) => {
      const { writerDb, hearerDb, startRelay, hear, untilEffects } = await openBench(t);
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

  test(
    `D2, D6: ${name}: ${kills} relay processes, each killed in the middle of a batch, lose and double nothing`,
    killLimits,
    async (t) => {
      const { node, broker, writerDb, hearerDb, startRelay, hear, countMessages, untilEffects } = await openBench(t);
      await hear(effects);
      const rounds = kills;
      const perRound = 150;
      for (let round = 0; round < rounds; round++) {
        await sayTogether(writerDb, toValues(perRound * round, perRound));
        const before = await countMessages().catch(() => 0);
        const relay = broker.spawnRelay(node.adminUrl);
        const exited = once(relay, "exit");
        await waitUntil(async () => relay.exitCode !== null || (await countMessages().catch(() => 0)) > before);
        relay.kill("SIGKILL");
        assert.equal((await exited)[1], "SIGKILL", "it published until it was killed");
      }
      await startRelay();
      await untilEffects(rounds * perRound);
      assert.deepEqual(await listEffects(hearerDb), toValues(0, rounds * perRound));
    },
  );

  test(`${name}: two relays whose sessions are cut again and again lose and double nothing`, limits, async (t) => {
    const { admin, writerDb, hearerDb, startRelay, hear, untilEffects } = await openBench(t);
    await startRelay();
    await startRelay();
    await hear(effects);
    const total = 1_000;
    for (let from = 0; from < total; from += 10) {
      await sayTogether(writerDb, toValues(from, 10));
      if (from < total / 2) {
        await admin`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'lyss:test-hearer'`;
      }
    }
    await untilEffects(total);
    assert.deepEqual(await listEffects(hearerDb), toValues(0, total));
  });
}

function testMoves(name: string, openBench: (t: TestScope) => Promise<BrokerBench>): void {
  test(
    `${name}: a subscription that moves from the table to the broker and back handles each event once`,
    limits,
    async (t) => {
      const { node, writerDb, hearerDb, startRelay, hear, untilEffects } = await openBench(t);
      for (const value of toValues(0, 5)) await say(writerDb, opened, value);
      const onTable = await node.hear([effects]);
      await untilEffects(5);
      await onTable.stop();

      await startRelay();
      const onBroker = await hear(effects);
      for (const value of toValues(5, 5)) await say(writerDb, opened, value);
      await untilEffects(10);
      await onBroker.stop();

      for (const value of toValues(10, 5)) await say(writerDb, opened, value);
      await node.hear([effects]);
      await untilEffects(15);
      assert.deepEqual(await listEffects(hearerDb), toValues(0, 15));
    },
  );

  test(`${name}: the lag of a subscription tells how many events wait, and since when`, limits, async (t) => {
    const { node, broker, writerDb, hearerDb, startRelay, countMessages, untilEffects } = await openBench(t);
    const { transport } = broker;
    await startRelay();
    const running = await startSubscriptions({
      ...{ serviceName: "test-hearer", subscriptions: [effects], db: hearerDb, feed: node.feed, transport },
      ...{ log: silentLog, clock: systemClock },
    });
    t.after(running.stop);
    await say(writerDb, opened, "a:0");
    await untilEffects(1);
    await waitUntil(async () => (await running.listLags())[0]?.behind === 0);
    await running.stop();
    for (const value of toValues(1, 3)) await say(writerDb, opened, value);
    await waitUntil(async () => (await countMessages()) === 4);
    const [lag] = await running.listLags();
    assert.deepEqual([lag?.name, lag?.behind, lag?.parked], [effects.name, 3, 0]);
    assert.ok((lag?.oldestAgeMs ?? 0) > 0);
    const [topic] = await transport.listTopics();
    assert.deepEqual(
      topic?.groups.map(({ behind }) => behind),
      [3],
    );
  });
}

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { openCluster } from "../db/cluster.ts";
import type { BrokerTransport } from "../events/broker-transport.ts";
import { createPatientTransport } from "../events/patient-transport.ts";
import { openEventNode, opened, say } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { deriveTestKey, silentLog, type TestScope } from "../testing/test-cluster.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { boot } from "./boot.ts";
import { systemClock } from "./clock.ts";
import { defineService } from "./define-service.ts";
import { createRandom } from "./ids.ts";
import type { EventOptions } from "./program.ts";

const limits = { timeout: 60_000 };
const dayMs = 86_400_000;

const writer = defineService({
  name: "test-writer",
  needs: {},
  publishes: [opened],
  hears: [],
  config: {},
  routes: [],
  migrations: new URL("../testing/testdata/event-log/", import.meta.url),
  start: async () => ({ ops: {} }),
});

async function bootWith(t: TestScope, adminUrl: string, events: EventOptions, clock = systemClock) {
  const cluster = openCluster({
    ...{ adminUrl, deriveKey: deriveTestKey, maxConnections: 20, eventLogConnections: 2, log: silentLog, clock },
  });
  const program = await boot({
    services: [writer],
    dataDir: tmpdir(),
    config: {},
    ...{ cluster, clock, events, deriveKey: deriveTestKey },
    random: createRandom(systemClock),
    log: pino({ enabled: false }),
    metrics: new Registry(),
    peerToken: new Secret("the peers' token"),
  });
  t.after(async () => {
    await program.stop();
    await cluster.close();
  });
  return program;
}

test("a running program deletes events that are older than it keeps them", limits, async (t) => {
  const { adminUrl, admin, writerDb } = await openEventNode(t);
  await say(writerDb, opened, "a:old");
  await admin`update event_log.event set time = now() - interval '8 days'`;
  await say(writerDb, opened, "a:new");
  await bootWith(t, adminUrl, { keepMs: 7 * dayMs });
  const list = async () => (await admin`select data #>> '{}' as value from event_log.event`).map((row) => row["value"]);
  await waitUntil(async () => (await list()).length === 1);
  assert.deepEqual(await list(), ["a:new"]);
});

test("a relay to a broker that is no longer used does not hold the log back", limits, async (t) => {
  const { adminUrl, admin, writerDb } = await openEventNode(t);
  await say(writerDb, opened, "a:old");
  await admin`update event_log.event set time = now() - interval '8 days'`;
  const known = { name: "kafka", topics: [] };
  const transport = createPatientTransport(known, () => Promise.reject(new Error("nobody listens")));
  const count = async () => (await admin`select from event_log.event`).length;
  const before = await bootWith(t, adminUrl, { keepMs: 7 * dayMs, transport });
  await before.stop();
  assert.equal(await count(), 1, "it has not been published");
  await bootWith(t, adminUrl, { keepMs: 7 * dayMs });
  await waitUntil(async () => (await count()) === 0);
});

test(
  "a program starts while its broker is away, says so in its health, and publishes when it has come",
  limits,
  async (t) => {
    const { adminUrl, writerDb } = await openEventNode(t);
    const published: string[] = [];
    let isAway = true;
    const known = { name: "kafka", topics: [] };
    const broker = {
      ...known,
      findEnds: async () => new Map(),
      async publish(rows: readonly { readonly data: unknown }[]) {
        published.push(...rows.map(({ data }) => String(data)));
        return new Map();
      },
      close: async () => {},
    } as unknown as BrokerTransport;
    const transport = createPatientTransport(known, async () => {
      if (isAway) throw new Error("nobody listens");
      return broker;
    });
    const clock = createFakeClock();
    const program = await bootWith(t, adminUrl, { keepMs: dayMs, transport }, clock);
    assert.ok((await program.health.check()).checks["events.relay"], "the first answer, which stands for a second");
    await say(writerDb, opened, "a:1");
    /** Empty when all is well. */
    const complaint = async () => {
      const { status, checks } = await program.health.check();
      assert.equal(status, "ready");
      return checks["events.relay"]?.message ?? "";
    };
    await waitUntil(async () => {
      clock.advance(1_000);
      return (await complaint()) !== "";
    });
    assert.match(await complaint(), /^kafka-relay has not published for \d+ ms$/);
    isAway = false;
    await waitUntil(async () => {
      clock.advance(1_000);
      return published.length === 1 && (await complaint()) === "";
    });
    assert.deepEqual(published, ["a:1"]);
  },
);

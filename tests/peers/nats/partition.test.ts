import assert from "node:assert/strict";
import { test } from "node:test";
import { openCluster } from "@lyss/kit/db/cluster.ts";
import { startBrokerRelay } from "@lyss/kit/events/broker-relay.ts";
import { startBrokerSubscription } from "@lyss/kit/events/broker-subscription.ts";
import { connectNats } from "@lyss/kit/events/nats-transport.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { createChaosProxy } from "@lyss/kit/testing/chaos/chaos-proxy.ts";
import { createDraws, withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { append, openEventNode, opened } from "@lyss/kit/testing/event-log.ts";
import { effects, listEffects } from "@lyss/kit/testing/handler-contract.ts";
import { closeInReverse, deriveTestKey, silentLog, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startNats } from "./nats-server.ts";

const events = 600;
const migrations = new URL("../../../kit/testing/testdata/event-log/", import.meta.url);
const shared = { log: silentLog, clock: systemClock };

/** A relay that reaches both database and broker through proxies of its own, and is told nothing of them. */
async function startCutOffRelay(scope: TestScope, seed: number, adminUrl: string, broker: string, listener: Listener) {
  const toProxy = async (port: number, part: number) => {
    const proxy = await createChaosProxy({ target: { port }, seed: seed + part, clock: systemClock });
    scope.after(proxy.close);
    return proxy;
  };
  const url = new URL(adminUrl);
  const toDatabase = await toProxy(Number(url.port), 1);
  const toBroker = await toProxy(Number(broker.split(":")[1]), 2);
  url.host = `${toDatabase.host}:${toDatabase.port}`;
  const limits = { maxConnections: 20, timeoutMs: 1_000 };
  const cluster = openCluster({ adminUrl: url.href, deriveKey: deriveTestKey, ...limits, ...shared });
  scope.after(cluster.close);
  await cluster.prepare([{ name: "test-hearer", migrations }]);
  const transport = await connectNats({ servers: [`${toBroker.host}:${toBroker.port}`] });
  scope.after(transport.close);
  const relay = await startBrokerRelay({
    types: [opened.type],
    db: cluster.open("test-hearer"),
    transport,
    listener,
    ...shared,
  });
  scope.after(relay.stop);
  return [toDatabase, toBroker];
}

type Listener = Awaited<ReturnType<typeof openEventNode>>["feed"]["listener"];

test(
  "D3: of two relays that are both alive and cut off in turn, no event takes effect twice, and none is lost",
  { timeout: 150_000 },
  (t) =>
    withSeed(3, async (seed) => {
      const scope = closeInReverse(t);
      const server = await startNats(scope);
      const node = await openEventNode(scope);
      const { adminUrl, hearerDb, writerDb, feed } = node;
      const proxies = [
        ...(await startCutOffRelay(scope, seed, adminUrl, server.address, feed.listener)),
        ...(await startCutOffRelay(scope, seed + 10, adminUrl, server.address, feed.listener)),
      ];
      const transport = await connectNats({ servers: [server.address] });
      scope.after(transport.close);
      const hearing = startBrokerSubscription({
        ...{ ...shared, db: hearerDb, transport },
        ...{ serviceName: "test-hearer", subscription: effects, ackWaitMs: 2_000 },
      });
      scope.after(hearing.stop);

      const calm = new AbortController();
      const faults = {
        calm: {},
        away: { isPartitioned: true },
        late: { latencyMs: 50, jitterMs: 100 },
        torn: "reset",
        lost: "half_open",
      } as const;
      const plans = proxies.map((proxy) => proxy.follow({ faults, minMs: 100, maxMs: 1_500, signal: calm.signal }));
      const draws = createDraws(seed, "writer");
      for (let at = 0; at < events; ) {
        const count = Math.min(events - at, draws.between(1, 20));
        await writerDb.transaction(async (tx) => {
          for (let n = at; n < at + count; n++) await append(tx, opened, `a:${n}`);
        });
        at += count;
        await delay(systemClock, draws.between(0, 400));
      }
      calm.abort();
      const drawn = (await Promise.all(plans)).flat();
      assert.ok(
        drawn.some(({ name }) => name === "away"),
        "the seed draws partitions",
      );
      for (let seen = 0; seen < events; seen = (await listEffects(hearerDb)).length) await delay(systemClock, 50);
      assert.deepEqual(
        await listEffects(hearerDb),
        Array.from({ length: events }, (_, n) => `a:${n}`),
      );
    }),
);

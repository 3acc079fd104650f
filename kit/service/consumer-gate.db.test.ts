import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { openCluster } from "../db/cluster.ts";
import type { Database } from "../db/database.ts";
import { defineEvent, type Outbox, onBroadcast, onEvent } from "../events/event.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../rpc/gen/grpc/health/v1/health_pb.js";
import { connectPeer } from "../rpc/grpc-transport.ts";
import { NoteAddedSchema } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { createTestDatabase } from "../testing/postgres.ts";
import { deriveTestKey, silentLog } from "../testing/test-cluster.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { boot } from "./boot.ts";
import { systemClock } from "./clock.ts";
import { defineService } from "./define-service.ts";
import { createRandom } from "./ids.ts";

const noted = defineEvent("gate.noted", NoteAddedSchema, ({ text }) => text);
const limits = { timeout: 90_000 };

test(
  "events wait while a critical check of their service fails, are handled when it recovers, and peers are told of both",
  limits,
  async (t) => {
    let isDown = false;
    const heard: string[] = [];
    const told: string[] = [];
    let parts: { readonly db: Database; readonly outbox: Outbox } | undefined;
    const service = defineService({
      name: "test-gated",
      needs: {},
      publishes: [noted],
      hears: [noted],
      config: {},
      routes: [],
      migrations: new URL("../testing/testdata/note/", import.meta.url),
      async start({ db, outbox }) {
        parts = { db, outbox };
        return {
          ops: {},
          health: {
            vault: () => (isDown ? Promise.reject(new Error("sealed")) : Promise.resolve()),
            extra: { probe: () => Promise.reject(new Error("away")), isCritical: false },
          },
          subscriptions: [
            onEvent("notes", noted, async (_tx, { data }) => void heard.push(data.text)),
            onBroadcast(
              "all",
              noted,
              ({ data }) => told.push(data.text),
              () => {},
            ),
          ],
        };
      },
    });
    const { adminUrl } = await createTestDatabase(t);
    const shared = { clock: systemClock, log: silentLog, deriveKey: deriveTestKey };
    const cluster = openCluster({ ...shared, adminUrl, maxConnections: 20 });
    const peerToken = new Secret("the peers' token");
    const program = await boot({
      ...{
        ...shared,
        services: [service],
        config: {},
        dataDir: tmpdir(),
        cluster,
        peerToken,
        random: createRandom(systemClock),
      },
      ...{ metrics: new Registry(), peerListen: { host: "127.0.0.1", port: 0 } },
    });
    const peer = connectPeer(program.peerUrl ?? "", peerToken);
    t.after(async () => {
      peer.close();
      await program.stop();
      await cluster.close();
    });
    const say = (text: string) =>
      parts?.db.transaction((tx) => parts?.outbox.append(tx, noted, { text }) ?? Promise.reject());
    const health = createClient(Health, peer.transport);
    const isServing = async () => (await health.check({ service: "test-gated" })).status === Status.SERVING;
    const report = async () => (await program.health.check()).health;

    await say("first");
    await waitUntil(async () => heard.length === 1);
    assert.equal(await report(), "degraded");
    assert.ok(await isServing(), "a check that is not critical changes nothing");

    isDown = true;
    await waitUntil(async () => (await report()) === "unhealthy");
    assert.equal(await isServing(), false);
    await say("second");
    // The same signal wakes both: a handler that ran would have run by the time of a third event's broadcast.
    await waitUntil(async () => told.includes("second"));
    await say("third");
    await waitUntil(async () => told.includes("third"));
    assert.deepEqual(heard, ["first"]);

    isDown = false;
    await waitUntil(async () => heard.length === 3);
    assert.deepEqual(heard, ["first", "second", "third"]);
    assert.ok(await isServing());
  },
);

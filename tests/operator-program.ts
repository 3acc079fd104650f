import { existsSync } from "node:fs";
import { join } from "node:path";
import { type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { Secret } from "@lyss/kit/config/secret.ts";
import { openCluster } from "@lyss/kit/db/cluster.ts";
import { startEmbeddedPostgres } from "@lyss/kit/db/embedded-postgres.ts";
import { type DurableSubscription, defineEvent, type Outbox } from "@lyss/kit/events/event.ts";
import { boot } from "@lyss/kit/service/boot.ts";
import { type Clock, systemClock } from "@lyss/kit/service/clock.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { saga } from "@lyss/kit/workflow/saga.ts";
import { Registry } from "prom-client";
import { z } from "zod";
import { createKeyDerivation, loadRootKey } from "../apps/platform/root-key.ts";

// A program of another team on the database of a running platform: `node operator-program.ts <data directory> <notes>`.
// It says so many notes, hears them, and starts two workflows. Files in the data directory break it: `broken` (one note
// cannot be handled), `deadly` (the process dies in a replay) and `no-bank` (a workflow's last step fails).

const [dataDir = "", notes = "0"] = process.argv.slice(2);
const has = (name: string) => existsSync(join(dataDir, name));
const startMs = Date.now();
/** Hours of trying again pass in seconds. */
const fastClock: Clock = {
  nowMs: () => startMs + (Date.now() - startMs) * 200,
  monotonicMs: systemClock.monotonicMs,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / 200, callback),
};

const noted = defineEvent("test.noted", StringValueSchema, ({ value }: StringValue) => value);
const hearNotes: DurableSubscription = {
  mode: "durable",
  name: "notes",
  events: [noted],
  isReplayable: true,
  async handle(tx, event) {
    const { value } = event.data as unknown as StringValue;
    if (has("broken") && value === "7") throw new Error("note 7 cannot be handled");
    if (has("deadly") && event.replayId !== undefined && value === "120") process.kill(process.pid, "SIGKILL");
    await tx`insert into note (text) values (${`${value} ${event.replayId ?? ""}`.trim()})`;
  },
};

const paying = saga<null>("paying")
  .step("order", { run: () => "ordered" })
  .pivot()
  .step("pay", {
    run() {
      if (has("no-bank")) throw new Error("no bank");
    },
    retry: { maxAttempts: 2, minDelayMs: 1 },
  })
  .build();
const asking = saga<null>("asking")
  .step("ask", { run: () => "asked", compensate: () => {} })
  .waitFor("answer", { schema: z.string(), timeoutMs: 86_400_000 })
  .build();

const shop = defineService({
  name: "test-shop",
  needs: {},
  publishes: [noted],
  hears: [noted],
  config: {},
  migrations: new URL("../kit/testing/testdata/note/", import.meta.url),
  routes: [],
  workflows: [paying, asking],
  async start({ db, outbox, workflows }) {
    const say = (each: Outbox) =>
      db.transaction(async (tx) => {
        for (let n = 1; n <= Number(notes); n++) await each.append(tx, noted, { value: String(n) });
      });
    return {
      ops: {},
      subscriptions: [hearNotes],
      async serve() {
        await say(outbox);
        await workflows.start(paying, { id: "1", input: null });
        await workflows.start(asking, { id: "1", input: null });
        return undefined;
      },
    };
  },
});

const deriveKey = createKeyDerivation(loadRootKey(dataDir, undefined));
const postgres = await startEmbeddedPostgres({ dir: join(dataDir, "postgres"), log: silentLog, clock: systemClock });
const shared = { log: silentLog, clock: fastClock, deriveKey };
const cluster = openCluster({ ...shared, adminUrl: postgres.url, maxConnections: 20, clock: systemClock });
const program = await boot({
  ...shared,
  services: [shop],
  dataDir,
  config: {},
  cluster,
  random: createRandom(systemClock),
  metrics: new Registry(),
  peerToken: new Secret(deriveKey("peer.token").toString("base64url")),
});
process.stdout.write("program is running\n");
process.once("SIGTERM", async () => {
  await program.stop();
  await cluster.close();
  await postgres.stop();
  process.exit();
});

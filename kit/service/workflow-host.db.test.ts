import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { openCluster } from "../db/cluster.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createTestDatabase, openTestCluster } from "../testing/postgres.ts";
import { deriveTestKey, silentLog } from "../testing/test-cluster.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { workflowDatabase } from "../workflow/dbos.ts";
import { saga } from "../workflow/saga.ts";
import { boot } from "./boot.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type AnyService, defineService } from "./define-service.ts";
import { createRandom } from "./ids.ts";
import type { Program } from "./program.ts";
import { createWorkflowHost, type WorkflowHost } from "./workflow-host.ts";

const limits = { timeout: 60_000 };

async function withProgram(adminUrl: string, services: AnyService[], use: (program: Program) => Promise<void>) {
  const cluster = openCluster({
    adminUrl,
    deriveKey: deriveTestKey,
    maxConnections: 20,
    log: silentLog,
    clock: systemClock,
  });
  const program = await boot({
    services,
    dataDir: tmpdir(),
    config: {},
    cluster,
    clock: systemClock,
    random: createRandom(systemClock),
    log: pino({ enabled: false }),
    metrics: new Registry(),
    deriveKey: deriveTestKey,
    peerToken: new Secret("the peers' token"),
  });
  try {
    await use(program);
  } finally {
    await program.stop();
    await cluster.close();
  }
}

test("a process that hosts no workflows does not even load their engine", limits, async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const plain = defineService({
    name: "test-plain",
    needs: {},
    publishes: [],
    hears: [],
    config: {},
    routes: [],
    start: async ({ workflows }) => ({ ops: workflows }),
  });
  await withProgram(adminUrl, [plain], async (program) => {
    assert.equal(program.workflows, undefined);
    const { cache } = createRequire(import.meta.url);
    assert.deepEqual(
      Object.keys(cache).filter((file) => file.includes("dbos-sdk")),
      [],
    );
  });
});

test("runs outlive their program: they start when all services run, and go on in the next one", limits, async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  const begun = Promise.withResolvers<void>();
  let isFirst = true;
  const slow = saga<null, { finish(): Promise<string> }>("slow")
    .step("one", { run: () => 1 })
    .step("two", { run: ({ ops }) => ops.finish(), retry: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
    .build();
  const starting: string[] = [];
  const working = defineService({
    name: "test-working",
    needs: {},
    publishes: [],
    hears: [],
    config: {},
    workflows: [slow],
    routes: [],
    async start({ workflows }) {
      await assert.rejects(workflows.start(slow, { id: "early", input: null }), { type: kitFailures.unavailable });
      starting.push("refused");
      return {
        ops: {
          async finish() {
            if (!isFirst) return "finished";
            begun.resolve();
            throw new Error("not now");
          },
        },
        jobs: [
          {
            name: "start",
            everyMs: 60_000,
            run: async () => void (await workflows.start(slow, { id: "1", input: null })),
          },
        ],
      };
    },
  });
  await withProgram(adminUrl, [working], () => begun.promise);
  isFirst = false;
  await withProgram(adminUrl, [working], async ({ workflows }) => {
    const outcome = await workflows?.result("test-working/slow/1", 30_000);
    assert.deepEqual(outcome, { state: "done", results: { one: 1, two: "finished" } });
  });
  assert.deepEqual(starting, ["refused", "refused"]);
});

test("the engine opens with the first run of this node, or with one that another may leave", limits, async (t) => {
  const cluster = await openTestCluster(t, [workflowDatabase]);
  const begun = Promise.withResolvers<void>();
  const slow = saga<null, () => Promise<void>>("slow")
    .step("one", { run: ({ ops }) => ops(), retry: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
    .build();
  const definition = defineService({
    ...{ name: "test-slow", needs: {}, publishes: [], hears: [], config: {}, routes: [], workflows: [slow] },
    start: async () => ({ ops: undefined }),
  });
  const isOpen = ({ desk }: WorkflowHost) => desk !== undefined;
  const startHost = async (clock: Clock, ops: () => Promise<void>) => {
    const host = createWorkflowHost({ clock, random: createRandom(systemClock), log: silentLog }, cluster);
    t.after(() => host.stop(AbortSignal.timeout(5_000)));
    await host.launch([{ definition, ops }]);
    assert.equal(isOpen(host), false);
    return host;
  };
  const clock = createFakeClock();
  const idle = await startHost(clock, async () => {});
  const busy = await startHost(systemClock, async () => {
    begun.resolve();
    throw new Error("not now");
  });
  await busy.clientOf(definition).start(slow, { id: "1", input: null });
  await begun.promise;
  assert.equal(isOpen(busy), true);
  await busy.stop(AbortSignal.timeout(5_000));
  assert.equal(isOpen(idle), false);
  clock.advance(10_000);
  await waitUntil(async () => isOpen(idle));
  assert.equal((await idle.desk?.result("test-slow/slow/1", 30_000))?.state, "done");
});

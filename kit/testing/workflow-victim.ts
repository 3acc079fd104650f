import { openCluster } from "../db/cluster.ts";
import { postgres } from "../db/driver.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { workflowDatabase } from "../workflow/dbos.ts";
import { saga } from "../workflow/saga.ts";
import { openWorkflowEngine } from "../workflow/workflow-engine.ts";
import { deriveTestKey, silentLog } from "./test-cluster.ts";

/** What the steps of a test's saga do to the world outside. */
export interface World {
  /** Does something once per key, whoever repeats it. */
  act(key: string): Promise<void>;
  /** Kills or freezes the process if that shall happen here. */
  crashPoint(name: string): void;
}

const quick = { maxAttempts: 2, minDelayMs: 1 };

/** Four steps, two of them side by side, each of which can die before and after what it does; the last may refuse. */
export function defineCrashSaga(name: string, isRefusing: boolean) {
  const acting = (id: string) => ({
    async run({ ops, idempotencyKey }: { ops: World; idempotencyKey: string }) {
      ops.crashPoint(`before ${id}`);
      await ops.act(idempotencyKey);
      ops.crashPoint(`after ${id}`);
      return id;
    },
    async compensate({ ops, idempotencyKey }: { ops: World; idempotencyKey: string }) {
      ops.crashPoint(`before ${id}.undo`);
      await ops.act(idempotencyKey);
      ops.crashPoint(`after ${id}.undo`);
    },
    retry: quick,
  });
  return saga<null, World>(name)
    .step("one", acting("one"))
    .parallel({ two: acting("two"), three: acting("three") })
    .step("four", {
      async run(call) {
        await acting("four").run(call);
        if (isRefusing) throw new Failure(kitFailures.permission_denied, { permission: "a:b" });
        return "four";
      },
      compensate: acting("four").compensate,
      retry: quick,
    })
    .build();
}

/** Effects are rows with a unique key in the test's database. */
export function createWorld(adminUrl: string, crashAt: string): World & { close(): Promise<void> } {
  const sql = postgres(adminUrl, { max: 2 });
  return {
    async act(key) {
      await sql`insert into public.effect (key) values (${key}) on conflict (key) do update set tries = effect.tries + 1`;
    },
    crashPoint(name) {
      if (name === crashAt) process.kill(process.pid, "SIGKILL");
      if (`freeze ${name}` === crashAt) process.kill(process.pid, "SIGSTOP");
    },
    close: () => sql.end(),
  };
}

// As a program: starts one run, and dies in it or freezes. Arguments: database, name of the saga, where.
if (import.meta.main) {
  const [adminUrl = "", name = "", crashAt = ""] = process.argv.slice(2);
  const cluster = openCluster({
    adminUrl,
    deriveKey: deriveTestKey,
    maxConnections: 20,
    log: silentLog,
    clock: systemClock,
  });
  await cluster.prepare([workflowDatabase]);
  await cluster.prepareEngine(workflowDatabase.name);
  const definition = defineCrashSaga(name, name === "refusing");
  const engine = await openWorkflowEngine({
    db: cluster.open(workflowDatabase.name),
    urls: cluster.engineUrls(workflowDatabase.name),
    sagas: [{ service: "test", saga: definition, ops: createWorld(adminUrl, crashAt) }],
    clock: systemClock,
    random: createRandom(systemClock),
    log: silentLog,
  });
  const run = await engine.start("test", definition, { id: crashAt, input: null });
  await run.result(60_000);
  await engine.stop(AbortSignal.timeout(5_000));
  process.exit();
}

import type { Cluster } from "../db/cluster.ts";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { workflowDatabase } from "../workflow/dbos.ts";
import type { AnySaga } from "../workflow/saga.ts";
import { openWorkflowEngine, type WorkflowEngine, type WorkflowEngineOptions } from "../workflow/workflow-engine.ts";
import { openTestCluster } from "./postgres.ts";
import { silentLog, type TestScope } from "./test-cluster.ts";

/** An engine that runs sagas of the service `test` on `cluster`, by default on a database of its own. Stopped when the scope ends. */
export async function openTestEngine(
  t: TestScope,
  sagas: readonly AnySaga[],
  options: Partial<WorkflowEngineOptions> & { readonly cluster?: Cluster; readonly ops?: unknown } = {},
): Promise<WorkflowEngine> {
  let engine: WorkflowEngine | undefined;
  t.after(async () => engine?.stop(AbortSignal.timeout(5_000)));
  const cluster = options.cluster ?? (await openTestCluster(t, [workflowDatabase]));
  await cluster.prepareEngine(workflowDatabase.name);
  engine = await openWorkflowEngine({
    db: cluster.open(workflowDatabase.name),
    urls: cluster.engineUrls(workflowDatabase.name),
    sagas: sagas.map((saga) => ({ service: "test", saga, ops: options.ops })),
    clock: systemClock,
    random: createRandom(systemClock),
    log: silentLog,
    ...options,
  });
  return engine;
}

import { delay } from "../service/clock.ts";
import { type AttemptDeps, toStepFailure } from "./attempt.ts";
import { saysRunIsLost } from "./dbos.ts";
import type { SagaOutcome } from "./run-saga.ts";
import type { AnySaga } from "./saga.ts";
import type { WorkflowStore } from "./workflow-store.ts";

const retryMs = 1_000;

/** Steps before the pivot at which a run of the saga may wait. */
export function waitsOf({ stages }: AnySaga): readonly string[] {
  const pivot = stages.findIndex(({ kind }) => kind === "pivot");
  const before = pivot < 0 ? stages : stages.slice(0, pivot);
  return before.flatMap((stage) => (stage.kind === "wait" ? [stage.id] : []));
}

/**
 * Does a run's work, and keeps beside the engine's records that it began and how it ended. Each may be written again when
 * the run is taken up by another process.
 */
export async function recordRun(
  deps: Pick<AttemptDeps, "clock" | "log" | "stopping"> & {
    readonly store: WorkflowStore;
    readonly service: string;
    readonly saga: AnySaga;
  },
  runId: string,
  work: () => Promise<SagaOutcome>,
): Promise<SagaOutcome> {
  const { store, service, saga, stopping } = deps;
  await keep(deps, () => store.begin({ runId, service, saga: saga.name, waits: waitsOf(saga) }));
  let outcome: SagaOutcome;
  try {
    outcome = await work();
  } catch (err) {
    // A process that stops, or has lost the run, does not know how it ends.
    if (!stopping.aborted && !saysRunIsLost(err))
      await keep(deps, () => store.end(runId, "failed", toStepFailure("", err)));
    throw err;
  }
  const failure = outcome.state === "compensated" ? outcome.failure : null;
  await keep(deps, () => store.end(runId, outcome.state, failure));
  return outcome;
}

/** Repeats until it is stored: a run does not fail because what is known of it could not be written. */
async function keep(
  { clock, log, stopping }: Pick<AttemptDeps, "clock" | "log" | "stopping">,
  write: () => Promise<void>,
): Promise<void> {
  for (;;) {
    try {
      return await write();
    } catch (err) {
      // Left to the process that takes the run up: as with a step, it must not end here.
      if (stopping.aborted) return new Promise(() => {});
      log.warn({ err }, "what is known of a workflow's run could not be written");
      await delay(clock, retryMs, stopping).catch(() => {});
    }
  }
}

import { Failure } from "../errors/failure.ts";
import type { Attempted, StepFailure } from "./attempt.ts";
import { type Message, topicOfParking } from "./run-saga.ts";
import { workflowFailures } from "./workflow-failures.ts";
import type { RunFilter, RunState, StoredRun, WorkflowStore } from "./workflow-store.ts";

/** A step as it is recorded: when it has succeeded, or for good failed. */
export interface StepView {
  readonly name: string;
  readonly startedMs: number | undefined;
  readonly completedMs: number | undefined;
  /** How often it was tried; undefined for what is no step of the saga's own, such as a wait. */
  readonly tries: number | undefined;
  readonly failure: StepFailure | undefined;
}

export interface RunDetail extends StoredRun {
  /** What is recorded, oldest first, at most 1,000. */
  readonly steps: readonly StepView[];
}

/**
 * Looks at runs of all sagas and steers them, from any process on their database. Methods that name a run throw
 * `workflow.run_not_found` for one that is not there.
 */
export interface RunDesk {
  /** The newest first, at most 200 unless `limit` says otherwise; those that began before `beforeSeq`. */
  list(
    filter?: RunFilter & { readonly beforeSeq?: bigint | undefined; readonly limit?: number },
  ): Promise<readonly StoredRun[]>;
  count(filter?: RunFilter): Promise<Readonly<Record<RunState, number>>>;
  get(runId: string): Promise<RunDetail>;
  /** Lets a parked run try again. Throws `workflow.not_parked` for another. */
  resume(runId: string): Promise<void>;
  /** Lets a run turn back before its next step; one that has passed its pivot or ended goes on. Safe to repeat. */
  cancel(runId: string): Promise<void>;
}

/** How the engine's own records are reached. */
export interface RunRecords {
  send(runId: string, topic: string, message: Message, messageId: string | undefined): Promise<void>;
  listSteps(runId: string, limit: number): Promise<readonly RecordedStep[]>;
}

export interface RecordedStep {
  readonly name: string;
  readonly output: unknown;
  readonly startedAtEpochMs?: number;
  readonly completedAtEpochMs?: number;
}

const defaultLimit = 200;
const maxSteps = 1_000;

/** `openRecords` is called when a run is looked into or steered, and not to list. */
export function createRunDesk({
  store,
  openRecords,
}: {
  readonly store: WorkflowStore;
  readonly openRecords: () => Promise<RunRecords>;
}): RunDesk {
  const getOne = async (runId: string): Promise<StoredRun> => {
    const run = await store.findRun(runId);
    if (!run) throw new Failure(workflowFailures.run_not_found, { runId });
    return run;
  };
  return {
    list: ({ beforeSeq, limit = defaultLimit, ...filter } = {}) => store.listRuns(filter, { beforeSeq, limit }),
    async count(filter = {}) {
      const counts = { running: 0, parked: 0, done: 0, compensated: 0, failed: 0 };
      for (const { state, count } of await store.countRuns(filter)) counts[state] = Number(count);
      return counts;
    },
    async get(runId) {
      const run = await getOne(runId);
      const steps = await (await openRecords()).listSteps(runId, maxSteps);
      return { ...run, steps: steps.map(toStepView) };
    },
    async resume(runId) {
      await getOne(runId);
      const parking = await store.findParking(runId);
      if (parking === undefined) throw new Failure(workflowFailures.not_parked, { runId });
      const topic = topicOfParking(parking);
      await (await openRecords()).send(runId, topic, { kind: "wake" }, topic);
    },
    async cancel(runId) {
      const { waits, endedAt } = await getOne(runId);
      if (endedAt) return;
      await store.cancel(runId);
      if (waits.length === 0) return;
      const records = await openRecords();
      for (const wait of waits) await records.send(runId, wait, { kind: "wake" }, `${wait}/#canceled`);
    },
  };
}

function toStepView({ name, output, startedAtEpochMs, completedAtEpochMs }: RecordedStep): StepView {
  const { ok, tries, failure } = (output ?? {}) as Partial<Attempted & { ok: false }>;
  return {
    name,
    startedMs: startedAtEpochMs,
    completedMs: completedAtEpochMs,
    tries,
    failure: ok === false ? failure : undefined,
  };
}

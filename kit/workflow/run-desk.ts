import type { DBOS as Dbos, WorkflowStatus } from "@dbos-inc/dbos-sdk";
import { Failure } from "../errors/failure.ts";
import { parseInput } from "../errors/parse-input.ts";
import { runDetached } from "../rpc/call-context.ts";
import { checkPayload, type StepFailure } from "./attempt.ts";
import { type Message, type SagaOutcome, topicOfParking } from "./run-saga.ts";
import type { AnySaga, HostedSaga } from "./saga.ts";
import { workflowFailures } from "./workflow-failures.ts";
import type { ParkedRun, WorkflowStore } from "./workflow-store.ts";

/** `failed` runs ended in a bug that no saga can handle; the log has it. */
export type RunState = "running" | "parked" | "done" | "compensated" | "failed";

export interface RunView {
  readonly runId: string;
  readonly state: RunState;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** Why it is parked, or turned back. */
  readonly failure: StepFailure | undefined;
}

export interface RunDetail extends RunView {
  /** What is recorded, oldest first, at most 1,000. */
  readonly steps: readonly { readonly name: string; readonly completedMs: number | undefined }[];
}

/** Looks at runs and talks to them. Every method throws `workflow.run_not_found` for a run that is not there. */
export interface RunDesk {
  /**
   * How the run ended. Throws `workflow.still_running` when it has not within `timeoutMs`, and an Error when it failed.
   */
  result(runId: string, timeoutMs: number): Promise<SagaOutcome>;
  /** Sends what a step `waitFor` of the run waits for, now or later. The same `messageId` is sent once. */
  send(runId: string, stepId: string, payload: unknown, messageId?: string): Promise<void>;
  /** The newest first, at most 200; those of one saga when its prefix `service/saga/` is given. */
  list(filter?: { readonly prefix?: string; readonly onlyParked?: boolean }): Promise<readonly RunView[]>;
  get(runId: string): Promise<RunDetail>;
  /** Lets a parked run try again. Throws `workflow.not_parked` for another. */
  resume(runId: string): Promise<void>;
  /** Lets a run turn back before its next step; one that has passed its pivot or ended goes on. Safe to repeat. */
  cancel(runId: string): Promise<void>;
}

const maxListed = 200;
const maxSteps = 1_000;
const pollMs = 50;

export function createRunDesk(deps: {
  readonly DBOS: typeof Dbos;
  readonly store: WorkflowStore;
  readonly sagas: readonly HostedSaga[];
  prefixOf(service: string, saga: AnySaga): string;
}): RunDesk {
  const { DBOS, store } = deps;
  const sagaOf = (runId: string): AnySaga => {
    const hosted = deps.sagas.find(({ service, saga }) => runId.startsWith(deps.prefixOf(service, saga)));
    if (!hosted) throw new Failure(workflowFailures.run_not_found, { runId });
    return hosted.saga;
  };
  const find = async (runIds: readonly string[]) =>
    runIds.length === 0
      ? []
      : DBOS.listWorkflows({ workflowIDs: [...runIds], limit: maxListed, sortDesc: true, loadInput: false });
  const getOne = async (runId: string): Promise<WorkflowStatus> => {
    const [run] = await find([runId]);
    if (!run) throw new Failure(workflowFailures.run_not_found, { runId });
    return run;
  };
  const toViews = async (runs: readonly WorkflowStatus[]) => {
    const parked = await store.listParked(runs.map(({ workflowID }) => workflowID));
    return runs.map((run) =>
      toView(
        run,
        parked.find(({ runId }) => runId === run.workflowID),
      ),
    );
  };
  const tell = (runId: string, topic: string, message: Message, messageId?: string) =>
    runDetached(() => DBOS.send(runId, message, topic, messageId));

  return {
    async result(runId, timeoutMs) {
      await getOne(runId);
      const outcome = await runDetached(() =>
        DBOS.getResult<SagaOutcome>(runId, { timeoutSeconds: timeoutMs / 1_000, pollingIntervalMs: pollMs }),
      );
      if (!outcome) throw new Failure(workflowFailures.still_running, { runId, timeoutMs });
      return outcome;
    },
    async send(runId, stepId, payload, messageId) {
      const wait = sagaOf(runId).stages.find((stage) => stage.kind === "wait" && stage.id === stepId);
      if (wait?.kind !== "wait") throw new TypeError(`${runId} has no step that waits for ${stepId}`);
      await getOne(runId);
      const parsed = parseInput(wait.schema, payload);
      checkPayload(stepId, parsed);
      await tell(runId, stepId, { kind: "payload", payload: parsed }, messageId && `${stepId}/${messageId}`);
    },
    async list({ prefix, onlyParked = false } = {}) {
      if (onlyParked) {
        const views = await toViews(await find((await store.listAllParked(maxListed)).map(({ runId }) => runId)));
        return views.filter(({ runId, state }) => state === "parked" && runId.startsWith(prefix ?? ""));
      }
      const filter = prefix === undefined ? {} : { workflow_id_prefix: prefix };
      return toViews(await DBOS.listWorkflows({ ...filter, limit: maxListed, sortDesc: true, loadInput: false }));
    },
    async get(runId) {
      const [view] = await toViews([await getOne(runId)]);
      if (!view) throw new Failure(workflowFailures.run_not_found, { runId });
      const steps = (await DBOS.listWorkflowSteps(runId, { limit: maxSteps })) ?? [];
      return {
        ...view,
        steps: steps.map(({ name, completedAtEpochMs }) => ({ name, completedMs: completedAtEpochMs })),
      };
    },
    async resume(runId) {
      const [parked] = await store.listParked([(await getOne(runId)).workflowID]);
      if (!parked) throw new Failure(workflowFailures.not_parked, { runId });
      const topic = topicOfParking(parked.parking);
      await tell(runId, topic, { kind: "wake" }, topic);
    },
    async cancel(runId) {
      const { stages } = sagaOf(runId);
      await getOne(runId);
      await store.cancel(runId);
      const pivot = stages.findIndex(({ kind }) => kind === "pivot");
      const before = pivot < 0 ? stages : stages.slice(0, pivot);
      for (const stage of before) {
        if (stage.kind === "wait") await tell(runId, stage.id, { kind: "wake" }, `${stage.id}/#canceled`);
      }
    },
  };
}

function toView(run: WorkflowStatus, parked: ParkedRun | undefined): RunView {
  const outcome = run.status === "SUCCESS" ? (run.output as SagaOutcome) : undefined;
  const isOpen = run.status === "PENDING" || run.status === "ENQUEUED";
  const state = outcome?.state ?? (isOpen ? (parked ? "parked" : "running") : "failed");
  const failure = outcome?.state === "compensated" ? outcome.failure : parked?.failure;
  return {
    runId: run.workflowID,
    state,
    createdMs: run.createdAt,
    updatedMs: run.updatedAt ?? run.createdAt,
    failure,
  };
}

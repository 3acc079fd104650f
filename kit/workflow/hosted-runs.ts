import type { DBOS as Dbos } from "@dbos-inc/dbos-sdk";
import { Failure } from "../errors/failure.ts";
import { parseInput } from "../errors/parse-input.ts";
import { runDetached } from "../rpc/call-context.ts";
import { checkPayload } from "./attempt.ts";
import type { RunRecords } from "./run-desk.ts";
import type { SagaOutcome } from "./run-saga.ts";
import type { AnySaga, HostedSaga } from "./saga.ts";
import { workflowFailures } from "./workflow-failures.ts";

/** Talks to runs of the sagas that this process hosts. Methods throw `workflow.run_not_found` for another. */
export interface HostedRuns {
  /**
   * How the run ended. Throws `workflow.still_running` when it has not within `timeoutMs`, and an Error when it failed.
   */
  result(runId: string, timeoutMs: number): Promise<SagaOutcome>;
  /** Sends what a step `waitFor` of the run waits for, now or later. The same `messageId` is sent once. */
  send(runId: string, stepId: string, payload: unknown, messageId?: string): Promise<void>;
}

const pollMs = 50;

export function createHostedRuns(deps: {
  readonly DBOS: typeof Dbos;
  readonly records: RunRecords;
  readonly sagas: readonly HostedSaga[];
  prefixOf(service: string, saga: AnySaga): string;
}): HostedRuns {
  const { DBOS, records } = deps;
  const sagaOf = (runId: string): AnySaga => {
    const hosted = deps.sagas.find(({ service, saga }) => runId.startsWith(deps.prefixOf(service, saga)));
    if (!hosted) throw new Failure(workflowFailures.run_not_found, { runId });
    return hosted.saga;
  };
  const requireRun = async (runId: string): Promise<void> => {
    const [run] = await DBOS.listWorkflows({ workflowIDs: [runId], limit: 1, loadInput: false, loadOutput: false });
    if (!run) throw new Failure(workflowFailures.run_not_found, { runId });
  };
  return {
    async result(runId, timeoutMs) {
      await requireRun(runId);
      const outcome = await runDetached(() =>
        DBOS.getResult<SagaOutcome>(runId, { timeoutSeconds: timeoutMs / 1_000, pollingIntervalMs: pollMs }),
      );
      if (!outcome) throw new Failure(workflowFailures.still_running, { runId, timeoutMs });
      return outcome;
    },
    async send(runId, stepId, payload, messageId) {
      const wait = sagaOf(runId).stages.find((stage) => stage.kind === "wait" && stage.id === stepId);
      if (wait?.kind !== "wait") throw new TypeError(`${runId} has no step that waits for ${stepId}`);
      await requireRun(runId);
      const parsed = parseInput(wait.schema, payload);
      checkPayload(stepId, parsed);
      await records.send(runId, stepId, { kind: "payload", payload: parsed }, messageId && `${stepId}/${messageId}`);
    },
  };
}

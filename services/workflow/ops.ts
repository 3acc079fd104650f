import type { RunFilter } from "@lyss/kit/workflow/workflow-store.ts";
import type { WorkflowDeps } from "./deps.ts";
import type { RunReference } from "./model.ts";
import { type ListRunsInput, listRuns } from "./ops/list-runs.ts";
import { cancelRun, resumeRun } from "./ops/steer-run.ts";

/** Binds the operations on workflow runs to what they need. */
export function createWorkflowOps(deps: WorkflowDeps) {
  return {
    listRuns: (input: ListRunsInput) => listRuns(deps, input),
    countRuns: (input: Omit<RunFilter, "states">) => deps.desk.count(input),
    getRun: ({ runId }: RunReference) => deps.desk.get(runId),
    resumeRun: (input: RunReference) => resumeRun(deps, input),
    cancelRun: (input: RunReference) => cancelRun(deps, input),
  };
}

export type WorkflowOps = ReturnType<typeof createWorkflowOps>;

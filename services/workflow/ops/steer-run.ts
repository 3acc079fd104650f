import type { RunDetail } from "@lyss/kit/workflow/run-desk.ts";
import type { WorkflowDeps } from "../deps.ts";
import type { RunReference } from "../model.ts";

/** Lets a parked run try again. Throws `workflow.run_not_found` and `workflow.not_parked`. */
export async function resumeRun({ desk }: WorkflowDeps, { runId }: RunReference): Promise<RunDetail> {
  await desk.resume(runId);
  return desk.get(runId);
}

/**
 * Lets a run turn back before its next step; one that has passed its pivot or ended goes on. Throws
 * `workflow.run_not_found`. A repeat is safe.
 */
export async function cancelRun({ desk }: WorkflowDeps, { runId }: RunReference): Promise<RunDetail> {
  await desk.cancel(runId);
  return desk.get(runId);
}

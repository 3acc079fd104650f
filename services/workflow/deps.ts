import type { RunDesk } from "@lyss/kit/workflow/run-desk.ts";

/** What the operations on workflow runs are given. */
export interface WorkflowDeps {
  readonly desk: RunDesk;
}

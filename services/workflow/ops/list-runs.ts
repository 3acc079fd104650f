import { decodeSequenceCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { RunFilter } from "@lyss/kit/workflow/workflow-store.ts";
import type { WorkflowDeps } from "../deps.ts";
import type { Run } from "../model.ts";

export interface ListRunsInput extends RunFilter, PageRequest {}

/** Runs of all services, newest first. */
export async function listRuns(
  { desk }: WorkflowDeps,
  { limit, cursor, ...filter }: ListRunsInput,
): Promise<Page<Run>> {
  const rows = await desk.list({ ...filter, beforeSeq: decodeSequenceCursor(cursor), limit: limit + 1 });
  return toPage(rows, limit, ({ seq }) => [String(seq)]);
}

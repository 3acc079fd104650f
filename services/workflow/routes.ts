import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { StepFailure } from "@lyss/kit/workflow/attempt.ts";
import type { RunDetail, StepView } from "@lyss/kit/workflow/run-desk.ts";
import { workflowFailures } from "@lyss/kit/workflow/workflow-failures.ts";
import { z } from "zod";
import { type Run, runFields } from "./model.ts";
import type { WorkflowOps } from "./ops.ts";

const { json } = routesFor<WorkflowOps>();

const permission = "platform:workflows";
/** In the query or the body, for it may hold any character and a path may not. */
const reference = z.strictObject({ id: runFields.runId.describe("'<service>/<saga>/<id>'.") });
const time = z.iso.datetime();
const count = z.int();

const failure = z.strictObject({ step: z.string(), code: z.string(), text: z.string() });

const run = z.strictObject({
  object: z.literal("workflow_run"),
  id: z.string(),
  service: z.string(),
  saga: z.string(),
  state: runFields.state,
  failure: failure.nullable().describe("Why it is parked, was turned back, or failed."),
  created_at: time,
  updated_at: time,
  ended_at: time.nullable(),
});

const runDetail = run.extend({
  steps: z
    .array(
      z.strictObject({
        name: z.string(),
        tries: z.int().nullable().describe("Null for what is no step of the saga's own, such as a wait."),
        failure: failure.nullable(),
        started_at: time.nullable(),
        completed_at: time.nullable(),
      }),
    )
    .describe("What is recorded, oldest first, at most 1,000."),
});

/** Runs of the sagas of all services, for operators. */
export const workflowRoutes = [
  json({
    method: "GET",
    path: "/admin/workflows",
    permission,
    operation: "listRuns",
    summary: "Workflow runs of all services, newest first.",
    query: z.strictObject({
      ...pageQueryFields,
      state: z.array(runFields.state).min(1).max(5).optional(),
      service: runFields.service.optional(),
      saga: runFields.saga.optional(),
    }),
    response: pageOf(run),
    async handle(ops, { query: { state: states, ...rest } }) {
      return toPageBody(await ops.listRuns({ states, ...rest }), toBody);
    },
  }),
  json({
    method: "GET",
    path: "/admin/workflows/counts",
    permission,
    operation: "countRuns",
    summary: "How many workflow runs are in each state.",
    query: z.strictObject({ service: runFields.service.optional(), saga: runFields.saga.optional() }),
    response: z.strictObject({ running: count, parked: count, done: count, compensated: count, failed: count }),
    handle: (ops, { query }) => ops.countRuns(query),
  }),
  json({
    method: "GET",
    path: "/admin/workflows/run",
    permission,
    operation: "getRun",
    summary: "A workflow run with its steps.",
    query: reference,
    response: runDetail,
    failures: [workflowFailures.run_not_found],
    handle: async (ops, { query: { id } }) => toDetailBody(await ops.getRun({ runId: id })),
  }),
  json({
    method: "POST",
    path: "/admin/workflows/run:resume",
    permission,
    operation: "resumeRun",
    summary: "Lets a parked workflow run try again.",
    body: reference,
    response: runDetail,
    failures: [workflowFailures.run_not_found, workflowFailures.not_parked],
    handle: async (ops, { body: { id } }) => toDetailBody(await ops.resumeRun({ runId: id })),
  }),
  json({
    method: "POST",
    path: "/admin/workflows/run:cancel",
    permission,
    operation: "cancelRun",
    summary: "Lets a workflow run turn back before its next step; past its pivot it goes on.",
    body: reference,
    response: runDetail,
    failures: [workflowFailures.run_not_found],
    handle: async (ops, { body: { id } }) => toDetailBody(await ops.cancelRun({ runId: id })),
  }),
];

function toBody(row: Run): z.input<typeof run> {
  return {
    object: "workflow_run",
    ...{ id: row.runId, service: row.service, saga: row.saga, state: row.state },
    failure: toFailureBody(row.failure),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
  };
}

function toDetailBody(row: RunDetail): z.input<typeof runDetail> {
  return { ...toBody(row), steps: row.steps.map(toStepBody) };
}

function toStepBody(step: StepView) {
  return {
    name: step.name,
    tries: step.tries ?? null,
    failure: toFailureBody(step.failure),
    started_at: toTime(step.startedMs),
    completed_at: toTime(step.completedMs),
  };
}

function toFailureBody(found: StepFailure | null | undefined): z.input<typeof failure> | null {
  return found ? { step: found.step, code: found.code, text: found.text } : null;
}

function toTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RunState, WorkflowService } from "@lyss/contracts/gen/lyss/workflow/v1/workflow_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { orEmpty, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import type { StepView } from "@lyss/kit/workflow/run-desk.ts";
import { z } from "zod";
import { type Run, runFields } from "./model.ts";
import type { WorkflowOps } from "./ops.ts";

const states = {
  running: RunState.RUNNING,
  parked: RunState.PARKED,
  done: RunState.DONE,
  compensated: RunState.COMPENSATED,
  failed: RunState.FAILED,
} as const;

const scope = { service: orEmpty(runFields.service), saga: orEmpty(runFields.saga) };
const reference = { runId: runFields.runId };
const inputs = {
  listRuns: { states: z.array(z.enum(RunState)).max(5), ...scope, ...pageInputs },
  countRuns: scope,
  getRun: reference,
  resumeRun: reference,
  cancelRun: reference,
} satisfies MethodInputs<typeof WorkflowService>;

/** WorkflowService on the operations. */
export function createWorkflowRpc(ops: WorkflowOps): CheckedRpc<typeof WorkflowService> {
  return createRpc(WorkflowService, inputs, {
    async listRuns({ service, saga, ...request }) {
      const wanted = runFields.state.options.filter((name) => request.states.includes(states[name]));
      const filter = { service, saga, states: wanted.length > 0 ? wanted : undefined };
      const page = await ops.listRuns({ ...filter, ...fromPageRequest(request) });
      return { runs: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    async countRuns(request) {
      const { running, parked, done, compensated, failed } = await ops.countRuns(request);
      return {
        ...{ running: BigInt(running), parked: BigInt(parked), done: BigInt(done) },
        ...{ compensated: BigInt(compensated), failed: BigInt(failed) },
      };
    },
    async getRun(request) {
      const { steps, ...run } = await ops.getRun(request);
      return { run: toMessage(run), steps: steps.map(toStepMessage) };
    },
    resumeRun: async (request) => ({ run: toMessage(await ops.resumeRun(request)) }),
    cancelRun: async (request) => ({ run: toMessage(await ops.cancelRun(request)) }),
  });
}

function toMessage(run: Run) {
  const { runId, service, saga, failure, endedAt } = run;
  return {
    ...{ runId, service, saga, state: states[run.state] },
    ...(failure && { failure: { ...failure } }),
    createdAt: timestampFromDate(run.createdAt),
    updatedAt: timestampFromDate(run.updatedAt),
    ...(endedAt && { endedAt: timestampFromDate(endedAt) }),
  };
}

function toStepMessage({ name, tries = 0, failure, startedMs, completedMs }: StepView) {
  return {
    ...{ name, tries },
    ...(failure && { failure: { ...failure } }),
    ...(startedMs !== undefined && { startedAt: timestampFromMs(startedMs) }),
    ...(completedMs !== undefined && { completedAt: timestampFromMs(completedMs) }),
  };
}

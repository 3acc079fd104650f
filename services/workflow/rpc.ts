import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { RunState, type WorkflowService } from "@lyss/contracts/gen/lyss/workflow/v1/workflow_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
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

const scope = z.object({ service: runFields.service.optional(), saga: runFields.saga.optional() });
const stateList = z.array(runFields.state).max(5);

/** WorkflowService on the operations. */
export function createWorkflowRpc(ops: WorkflowOps): ServiceImpl<typeof WorkflowService> {
  return {
    async listRuns(request) {
      const names = Object.entries(states).filter(([, value]) => request.states.includes(value));
      const wanted = parseInput(
        stateList,
        names.map(([name]) => name),
      );
      const page = await ops.listRuns({
        ...toScope(request),
        states: wanted.length > 0 ? wanted : undefined,
        ...fromPageRequest(request),
      });
      return { runs: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    async countRuns(request) {
      const { running, parked, done, compensated, failed } = await ops.countRuns(toScope(request));
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
  };
}

/** What is empty on the wire was not given. */
function toScope({ service, saga }: { readonly service: string; readonly saga: string }) {
  return parseInput(scope, { service: service || undefined, saga: saga || undefined });
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

import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Operation } from "@lyss/kit/events/operation.ts";
import type { EventDeps } from "../deps.ts";
import { getOperation, type OperationReference } from "./get-operation.ts";

/** Holds a redrive or a replay after the step under way. */
export function pauseOperation(deps: EventDeps, reference: OperationReference): Promise<Operation> {
  return steer(deps, reference, "paused");
}

/** Lets a paused or failed one go on where it was. */
export function resumeOperation(deps: EventDeps, reference: OperationReference): Promise<Operation> {
  return steer(deps, reference, "pending");
}

/** Ends one after the step under way. What it has done stays done. */
export function cancelOperation(deps: EventDeps, reference: OperationReference): Promise<Operation> {
  return steer(deps, reference, "canceled");
}

/** Throws `event.operation_not_found` and `event.operation_state`. A repeat changes nothing. */
async function steer(
  { desk, clock }: EventDeps,
  reference: OperationReference,
  to: "paused" | "pending" | "canceled",
): Promise<Operation> {
  const { id: operationId } = await getOperation({ desk }, reference);
  const steered = await desk.steerOperation(operationId, to, new Date(clock.nowMs()));
  if (steered) return steered;
  const { state } = await getOperation({ desk }, reference);
  throw new Failure(eventServiceFailures.operation_state, { operationId, state });
}

import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Operation } from "@lyss/kit/events/operation.ts";
import type { EventDeps } from "../deps.ts";

/** Which operation is meant. */
export interface OperationReference {
  readonly operationId: string;
}

/** What an operator asked for, and how far it has come. Throws `event.operation_not_found`. */
export async function getOperation(
  { desk }: Pick<EventDeps, "desk">,
  { operationId }: OperationReference,
): Promise<Operation> {
  const operation = await desk.findOperation(operationId);
  if (!operation) throw new Failure(eventServiceFailures.operation_not_found, { operationId });
  return operation;
}

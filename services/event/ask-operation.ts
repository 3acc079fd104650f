import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Operation, OperationScope } from "@lyss/kit/events/operation.ts";
import type { EventDeps } from "./deps.ts";
import { maxOpenOperations, type SubscriptionReference } from "./model.ts";

/** Stores an operation for the nodes that host its subscription. Throws `event.too_many_operations`. */
export async function askOperation(
  { desk, clock, random }: EventDeps,
  kind: "redrive" | "replay",
  input: SubscriptionReference & { readonly scope: OperationScope; readonly askedBy: string },
  range: { readonly afterSeq: bigint; readonly untilSeq: bigint; readonly total: bigint },
): Promise<Operation> {
  const { service, subscription, scope, askedBy } = input;
  const asked = { id: random.id("opn"), service, subscription, scope, askedBy, askedAt: new Date(clock.nowMs()) };
  const operation = await desk.askOperation(kind, asked, { ...range, maxOpen: maxOpenOperations });
  if (operation) return operation;
  throw new Failure(eventServiceFailures.too_many_operations, { subscription, limit: maxOpenOperations });
}

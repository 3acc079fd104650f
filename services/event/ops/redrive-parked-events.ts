import type { Operation, OperationScope } from "@lyss/kit/events/operation.ts";
import { askOperation } from "../ask-operation.ts";
import type { EventDeps } from "../deps.ts";
import type { SubscriptionReference } from "../model.ts";
import { getSubscription } from "./get-subscription.ts";

export interface RedriveInput extends SubscriptionReference {
  readonly scope: Pick<OperationScope, "eventIds" | "types" | "keys">;
  readonly askedBy: string;
}

/**
 * Asks that the events that are parked now, or those of them that are meant, go through their handler again, oldest
 * first. A node that hosts the subscription does it, each event in a transaction of its own. One that fails again stays
 * parked and holds back later ones of its key. Throws `event.subscription_not_found` and `event.too_many_operations`. A
 * repeat is another operation, which finds parked what the first has left.
 */
export async function redriveParkedEvents(deps: EventDeps, input: RedriveInput): Promise<Operation> {
  await getSubscription(deps, input);
  const { count, lastSeq } = await deps.desk.measureParked(input);
  return askOperation(deps, "redrive", input, { afterSeq: 0n, untilSeq: lastSeq, total: count });
}

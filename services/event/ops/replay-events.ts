import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Operation, OperationScope } from "@lyss/kit/events/operation.ts";
import { askOperation } from "../ask-operation.ts";
import type { EventDeps } from "../deps.ts";
import type { SubscriptionReference } from "../model.ts";
import { getSubscription } from "./get-subscription.ts";

export interface ReplayInput extends SubscriptionReference {
  readonly scope: Omit<OperationScope, "eventIds">;
  /** Only events after this number of the log. */
  readonly afterSeq: bigint;
  /** Only events up to this number; by default, and at most, the end of the log now. */
  readonly untilSeq: bigint | undefined;
  readonly askedBy: string;
}

/**
 * Asks that a range of the log goes through a subscription's handler again, in order. A node that hosts it does it; its
 * position and its parked events stay as they are. Throws `event.subscription_not_found`, `event.not_replayable`,
 * `event.type_not_heard` and `event.too_many_operations`. A repeat is another replay.
 */
export async function replayEvents(deps: EventDeps, input: ReplayInput): Promise<Operation> {
  const { desk } = deps;
  const { scope, afterSeq } = input;
  const { name: subscription, types: heard, isReplayable } = await getSubscription(deps, input);
  if (!isReplayable) throw new Failure(eventServiceFailures.not_replayable, { subscription });
  const strange = scope.types?.find((type) => !heard.includes(type));
  if (strange !== undefined) {
    throw new Failure(eventServiceFailures.type_not_heard, { subscription, type: strange, types: heard.join(", ") });
  }
  const types = scope.types ?? heard;
  const endSeq = await desk.findEnd(types);
  const untilSeq = input.untilSeq !== undefined && input.untilSeq < endSeq ? input.untilSeq : endSeq;
  const { fromMs, beforeMs, keys } = scope;
  const total = await desk.countEvents({ types, keys, fromMs, beforeMs }, afterSeq, untilSeq);
  return askOperation(deps, "replay", input, { afterSeq, untilSeq, total });
}

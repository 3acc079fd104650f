import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Operation } from "@lyss/kit/events/operation.ts";
import type { EventDeps } from "../deps.ts";
import { type SubscriptionReference, unseenLimitMs } from "../model.ts";
import { getSubscription } from "./get-subscription.ts";

/**
 * Forgets a subscription that no program has any more, with its parked events: the log is no longer kept for it. Throws
 * `event.subscription_live` while a node has it, and `event.subscription_not_found`, also the second time.
 */
export async function forgetSubscription(
  deps: EventDeps,
  { service, subscription, askedBy }: SubscriptionReference & { readonly askedBy: string },
): Promise<Operation> {
  const { desk, clock, random } = deps;
  await getSubscription(deps, { service, subscription });
  const asked = { id: random.id("opn"), service, subscription, askedBy, askedAt: new Date(clock.nowMs()) };
  const forgotten = await desk.forgetDead(asked, unseenLimitMs);
  if (forgotten) return forgotten;
  throw new Failure(eventServiceFailures.subscription_live, { subscription, unseenSeconds: unseenLimitMs / 1_000 });
}

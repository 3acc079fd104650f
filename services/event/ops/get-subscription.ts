import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { EventDeps } from "../deps.ts";
import { type Subscription, type SubscriptionReference, toSubscription } from "../model.ts";

/** A durable subscription with its lag. Throws `event.subscription_not_found`. */
export async function getSubscription(
  { desk, clock }: Pick<EventDeps, "desk" | "clock">,
  { service, subscription }: SubscriptionReference,
): Promise<Subscription> {
  const view = await desk.findSubscription(service, subscription);
  if (!view) throw new Failure(eventServiceFailures.subscription_not_found, { service, subscription });
  return toSubscription(view, clock.nowMs());
}

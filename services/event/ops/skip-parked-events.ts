import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Operation } from "@lyss/kit/events/operation.ts";
import type { EventDeps } from "../deps.ts";
import { maxSkipped } from "../model.ts";
import { getSubscription } from "./get-subscription.ts";
import type { RedriveInput } from "./redrive-parked-events.ts";

/**
 * Gives parked events up for good, at most 10,000, oldest first; they stay in the log. Throws
 * `event.subscription_not_found`. A repeat skips what is parked by then.
 */
export async function skipParkedEvents(deps: EventDeps, input: RedriveInput): Promise<Operation> {
  const { desk, clock, random } = deps;
  const { service, subscription, scope, askedBy } = input;
  await getSubscription(deps, input);
  const asked = { id: random.id("opn"), service, subscription, scope, askedBy, askedAt: new Date(clock.nowMs()) };
  const skipped = await desk.skipParked(asked, maxSkipped);
  if (!skipped) throw new Failure(eventServiceFailures.subscription_not_found, { service, subscription });
  return skipped;
}

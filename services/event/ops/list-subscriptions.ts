import type { EventDeps } from "../deps.ts";
import { type Subscription, toSubscription } from "../model.ts";

/** Durable subscriptions of all services, or of one, with their lag. */
export async function listSubscriptions(
  { desk, clock }: Pick<EventDeps, "desk" | "clock">,
  { service }: { readonly service: string | undefined },
): Promise<readonly Subscription[]> {
  const views = await desk.listSubscriptions(service);
  return views.map((view) => toSubscription(view, clock.nowMs()));
}

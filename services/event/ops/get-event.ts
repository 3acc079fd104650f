import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { ReceiverView } from "@lyss/kit/events/event-desk.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import type { EventDeps } from "../deps.ts";

/** A subscription to an event's type. `handled` also stands for what came before the subscription heard that type. */
export interface Receiver extends ReceiverView {
  readonly state: "waiting" | "handled" | "parked";
}

/** An event, and how each subscription to its type stands to it. Throws `event.not_found`. */
export async function getEvent(
  { desk }: Pick<EventDeps, "desk">,
  { eventId }: { readonly eventId: string },
): Promise<{ readonly event: LoggedEvent; readonly receivers: readonly Receiver[] }> {
  const event = await desk.findEvent(eventId);
  if (!event) throw new Failure(eventServiceFailures.not_found, { eventId });
  const receivers = await desk.listReceivers(event);
  return { event, receivers: receivers.map((view) => ({ ...view, state: stateOf(view) })) };
}

function stateOf({ parkedAt, isPassed }: ReceiverView): Receiver["state"] {
  if (parkedAt) return "parked";
  return isPassed ? "handled" : "waiting";
}

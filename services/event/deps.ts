import type { EventDesk } from "@lyss/kit/events/event-desk.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Webhooks } from "./webhooks/webhooks.ts";

/** What the operations on the event log are given. */
export interface EventDeps {
  readonly desk: EventDesk;
  readonly clock: Clock;
  readonly random: Random;
  readonly webhooks: Webhooks;
}

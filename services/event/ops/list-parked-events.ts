import type { ParkedView } from "@lyss/kit/events/event-desk.ts";
import type { OperationScope } from "@lyss/kit/events/operation.ts";
import { decodeSequenceCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { EventDeps } from "../deps.ts";
import type { SubscriptionReference } from "../model.ts";
import { getSubscription } from "./get-subscription.ts";

export interface ListParkedEventsInput extends SubscriptionReference, PageRequest {
  readonly scope: OperationScope;
}

/** Events that a subscription gave up, oldest first. Throws `event.subscription_not_found`. */
export async function listParkedEvents(
  deps: Pick<EventDeps, "desk" | "clock">,
  { limit, cursor, ...meant }: ListParkedEventsInput,
): Promise<Page<ParkedView>> {
  const afterSeq = decodeSequenceCursor(cursor) ?? 0n;
  const rows = await deps.desk.listParked(meant, { afterSeq, limit: limit + 1 });
  if (rows.length === 0) await getSubscription(deps, meant);
  return toPage(rows, limit, ({ seq }) => [String(seq)]);
}

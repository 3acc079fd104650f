import { tenantEvents } from "@lyss/contracts/events/tenant-events.ts";
import type { LoggedType } from "@lyss/kit/events/event-desk.ts";
import type { EventDeps } from "../deps.ts";

/** A type that the log holds; whether tenants may see their own events of it. */
export type EventTypeSummary = LoggedType & { readonly isTenantVisible: boolean };

/** The types of which the log holds an event, by name. */
export async function listEventTypes({ desk }: Pick<EventDeps, "desk">): Promise<readonly EventTypeSummary[]> {
  const types = await desk.listTypes();
  return types.map((row) => ({ ...row, isTenantVisible: tenantEvents.some(({ type }) => type === row.type) }));
}

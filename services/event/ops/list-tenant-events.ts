import { tenantEvents } from "@lyss/contracts/events/tenant-events.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import type { Page } from "@lyss/kit/http/page.ts";
import type { EventDeps } from "../deps.ts";
import type { LogPageRequest } from "../model.ts";
import { readPage } from "./list-events.ts";

export interface ListTenantEventsInput extends LogPageRequest {
  readonly tenantId: string;
  /** Those that tenants may not see are as if they did not exist. */
  readonly types?: readonly string[] | undefined;
}

/** A tenant's own events, of the types that tenants may see. */
export async function listTenantEvents(
  { desk }: Pick<EventDeps, "desk">,
  { tenantId, types: wanted, ...page }: ListTenantEventsInput,
): Promise<Page<LoggedEvent>> {
  const visible = tenantEvents.map(({ type }) => type);
  const types = wanted ? visible.filter((type) => wanted.includes(type)) : visible;
  return readPage(desk, { types, tenantId }, page);
}

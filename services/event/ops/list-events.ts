import type { LogFilter } from "@lyss/kit/events/event-desk.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import { decodeSequenceCursor, type Page, toPage } from "@lyss/kit/http/page.ts";
import type { EventDeps } from "../deps.ts";
import type { ListEventsInput, LogPageRequest } from "../model.ts";

/** Events of the whole installation. Nothing is ever added to what a page oldest first has passed. */
export async function listEvents(
  { desk }: Pick<EventDeps, "desk">,
  { order, afterSeq, limit, cursor, ...filter }: ListEventsInput,
): Promise<Page<LoggedEvent>> {
  return readPage(desk, filter, { order, afterSeq, limit, cursor });
}

/** One page of what a filter lets through. */
export async function readPage(
  desk: EventDeps["desk"],
  filter: LogFilter,
  { order, afterSeq, limit, cursor }: LogPageRequest,
): Promise<Page<LoggedEvent>> {
  const fromSeq = decodeSequenceCursor(cursor) ?? (order === "oldest" ? afterSeq : undefined);
  const rows = await desk.listEvents(filter, { order, fromSeq, limit: limit + 1 });
  return toPage(rows, limit, ({ seq }) => [String(seq)]);
}

import { toStream } from "@lyss/kit/event-sourcing/aggregate-store.ts";
import { beforeRevisionOf, type EventEnvelope, toEnvelopePage } from "@lyss/kit/event-sourcing/envelope.ts";
import { readStreamBackwards } from "@lyss/kit/events/stream-reader.ts";
import type { Page, PageRequest } from "@lyss/kit/http/page.ts";
import { type GroupReference, readGroup } from "../access.ts";
import { groupAggregate, groupEvents } from "../aggregate.ts";
import type { GroupDeps } from "../deps.ts";

export type ListGroupEventsInput = GroupReference & PageRequest;

/** What happened to the group, newest first. Throws `not_found` and `not_permitted`. */
export async function listGroupEvents(
  { db, groups }: Pick<GroupDeps, "db" | "groups">,
  { limit, cursor, ...reference }: ListGroupEventsInput,
): Promise<Page<EventEnvelope>> {
  const beforeRevision = beforeRevisionOf(cursor);
  await readGroup({ groups }, reference, "history:read");
  const name = { source: "group", stream: toStream(groupAggregate, reference.groupId) };
  return toEnvelopePage(await readStreamBackwards(db.sql, name, { beforeRevision }, limit + 1), limit, groupEvents);
}

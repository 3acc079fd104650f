import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { z } from "zod";
import type { EventType } from "../events/event.ts";
import { decodeEvent, type LoggedEvent } from "../events/event-reader.ts";
import { decodeCursor, type Page, toPage } from "../http/page.ts";

/** An event of a stream as people and programs outside are shown it. */
export const eventEnvelope = z.strictObject({
  event_id: z.string(),
  event_type: z.string(),
  aggregate_id: z.string(),
  event_data: z.record(z.string(), z.unknown()).describe("What happened; its fields depend on event_type."),
  timestamp: z.iso.datetime(),
  version: z.int().describe("The event's number in its stream: 1, 2, 3, … without gaps."),
});

export type EventEnvelope = z.output<typeof eventEnvelope>;

/** The envelope of a stored event. Its type must be among `events`: throws an Error for one that is not. */
export function toEnvelope(row: LoggedEvent, events: readonly EventType[]): EventEnvelope {
  const event = events.find(({ type }) => type === row.type);
  if (!event) throw new Error(`nothing here knows the event ${row.type} (${row.id})`);
  const { data } = decodeEvent(row, event);
  return {
    event_id: row.id,
    event_type: row.type,
    aggregate_id: row.key,
    event_data: toJson(event.schema, data, { useProtoFieldName: true, alwaysEmitImplicit: true }) as JsonObject,
    timestamp: row.time.toISOString(),
    version: Number(row.revision),
  };
}

/** Where a page of a stream that is read backwards begins; undefined at the last event. Throws `kit.invalid_request`. */
export function beforeRevisionOf(cursor: string | undefined): number | undefined {
  const [text] = decodeCursor(cursor, 1) ?? [];
  const revision = Number(text);
  // A cursor that another list gave: nothing lies before it.
  return text === undefined ? undefined : Number.isSafeInteger(revision) ? revision : 0;
}

/** A page of envelopes from one row more than `limit`, if there was one. */
export function toEnvelopePage(
  rows: readonly LoggedEvent[],
  limit: number,
  events: readonly EventType[],
): Page<EventEnvelope> {
  return toPage(
    rows.map((row) => toEnvelope(row, events)),
    limit,
    ({ version }) => [String(version)],
  );
}

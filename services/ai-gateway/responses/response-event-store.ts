import type { Database } from "@lyss/kit/db/database.ts";
import type { EventBatch } from "./event-batch-store.ts";
import type { ResponseName, ResponseState } from "./response-store.ts";

/** Where a response stands, with events of it. */
export interface EventRows {
  readonly status: ResponseState;
  readonly isStreamed: boolean;
  readonly batches: readonly Omit<EventBatch, "responseId">[];
}

/** The SQL of the events of responses. */
export function createResponseEventStore(db: Database) {
  const { sql } = db;
  return {
    /**
     * False, and nothing is written, when the response is no longer under way: after its end no event joins those that were shown. The
     * same batch may be written twice.
     */
    async append({ responseId, firstSequence, lastSequence, events }: EventBatch): Promise<boolean> {
      const rows = await db.transaction(
        (tx) => tx`
          with live as (
            select response_id from response
            where response_id = ${responseId} and status in ('queued', 'in_progress') for share
          ), written as (
            insert into response_event (response_id, first_sequence, last_sequence, events)
            select response_id, ${firstSequence}, ${lastSequence}, ${events} from live
            on conflict (response_id, first_sequence) do nothing
          )
          select response_id from live`,
      );
      return rows.length > 0;
    },

    /** At most `limit` batches that hold events after `after`; undefined for a response that is not there for its name. */
    async read(name: ResponseName, after: number, now: Date, limit: number): Promise<EventRows | undefined> {
      const { tenantId, ownerId, responseId } = name;
      const rows = await sql<(Omit<EventRows, "batches"> & { [Key in keyof EventBatch]: EventBatch[Key] | null })[]>`
        select response.status, response.is_streamed as "isStreamed", found.first_sequence as "firstSequence",
          found.last_sequence as "lastSequence", found.events
        from response left join lateral (
          select first_sequence, last_sequence, events from response_event
          where response_id = response.response_id and last_sequence > ${after}
          order by first_sequence limit ${limit}) as found on true
        where response_id = ${responseId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and expires_at > ${now}
        order by found.first_sequence`;
      const [first] = rows;
      if (!first) return undefined;
      const batches = rows.flatMap(({ firstSequence, lastSequence, events }) =>
        firstSequence === null || lastSequence === null || events === null
          ? []
          : [{ firstSequence, lastSequence, events }],
      );
      return { status: first.status, isStreamed: first.isStreamed, batches };
    },

    /** The number of the last event that is written, -1 where there is none. */
    async findLast(responseId: string): Promise<number> {
      const [row] = await sql<{ last: number | null }[]>`
        select max(last_sequence) as last from response_event where response_id = ${responseId}`;
      return row?.last ?? -1;
    },
  };
}

export type ResponseEventStore = ReturnType<typeof createResponseEventStore>;

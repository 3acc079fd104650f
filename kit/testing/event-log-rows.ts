import type { Sql } from "postgres";

/** An event as a service would have appended it. */
export interface FixtureEvent {
  readonly id: string;
  readonly type: string;
  readonly source?: string;
  readonly key?: string;
  readonly data: Record<string, string | number>;
  readonly traceparent?: string;
}

/** Appends with every right. */
export async function appendEvents(sql: Sql, events: readonly FixtureEvent[]): Promise<void> {
  for (const { id, type, source = "auth", key = id, data, traceparent = "" } of events) {
    await sql`select event_log.append(${id}, ${type}, ${source}, ${key}, now(), ${sql.json(data)}, ${traceparent})`;
  }
}

/** A subscription of the service `auth` that has heard all events of these types and gave up those with these ids. */
export async function addSubscription(
  sql: Sql,
  name: string,
  types: readonly string[],
  options: { readonly parkedIds?: readonly string[]; readonly isReplayable?: boolean } = {},
): Promise<void> {
  const { parkedIds = [], isReplayable = false } = options;
  await sql`
    insert into event_log.subscription (service, name, types, position, is_replayable)
    select 'lyss_auth', ${name}, ${types as string[]}, coalesce(max(seq), 0), ${isReplayable} from event_log.event`;
  await sql`
    insert into event_log.parked_event (service, subscription, seq, attempts, last_error, parked_at)
    select 'lyss_auth', ${name}, seq, 10, 'Error: no', now() from event_log.event where id = any(${parkedIds as string[]})`;
}

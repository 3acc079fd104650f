import type { Sql, Tx } from "../db/database.ts";
import type { LoggedEvent } from "./event-reader.ts";

/** One stream of the log: the service that appends to it, and its name there. */
export interface StreamName {
  readonly source: string;
  readonly stream: string;
}

/** Which events of a stream are wanted. Times are those at which the events were appended. */
export interface StreamFilter {
  /** Every type when left out. */
  readonly types?: readonly string[] | undefined;
  readonly fromMs?: number | undefined;
  readonly beforeMs?: number | undefined;
}

/** The events after a revision, oldest first. */
export function readStream(
  sql: Sql | Tx,
  { source, stream }: StreamName,
  afterRevision: number,
  limit: number,
): Promise<readonly LoggedEvent[]> {
  return sql<LoggedEvent[]>`
    select * from event_log.event
    where source = ${source} and stream = ${stream} and revision > ${afterRevision}
    order by revision limit ${limit}`;
}

/** The events before a revision (undefined: from the last on), newest first. */
export function readStreamBackwards(
  sql: Sql | Tx,
  { source, stream }: StreamName,
  filter: StreamFilter & { readonly beforeRevision: number | undefined },
  limit: number,
): Promise<readonly LoggedEvent[]> {
  const types = (filter.types as string[] | undefined) ?? null;
  const from = filter.fromMs === undefined ? null : new Date(filter.fromMs);
  const before = filter.beforeMs === undefined ? null : new Date(filter.beforeMs);
  const beforeRevision = filter.beforeRevision ?? null;
  return sql<LoggedEvent[]>`
    select * from event_log.event
    where source = ${source} and stream = ${stream}
      and (${beforeRevision}::bigint is null or revision < ${beforeRevision}::bigint)
      and (${types}::text[] is null or type = any(${types}::text[]))
      and (${from}::timestamptz is null or time >= ${from}::timestamptz)
      and (${before}::timestamptz is null or time < ${before}::timestamptz)
    order by revision desc limit ${limit}`;
}

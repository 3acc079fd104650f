import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { Sql, Tx } from "../db/database.ts";
import type { EventType, ReceivedEvent } from "./event.ts";

/** An event as it lies in the log. */
export interface LoggedEvent {
  readonly seq: bigint;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly key: string;
  readonly time: Date;
  readonly data: JsonValue;
  readonly traceparent: string;
  readonly stream: string | null;
  readonly revision: bigint | null;
  /** Who acted in the name of whom the event tells; empty where nobody did. */
  readonly operator: string;
}

/** What one read of the log found. */
export interface EventBatch {
  /** In the order in which they were appended; nothing before the last of them will ever be added. */
  readonly events: readonly LoggedEvent[];
  /** True when more wait for a transaction that appended before them and has not ended: look again soon. */
  readonly isHeldBack: boolean;
}

/** The first `limit` events of `types` after `afterSeq`. Outside a transaction, or in a READ COMMITTED one. */
export async function readEvents(
  sql: Sql | Tx,
  types: readonly string[],
  afterSeq: bigint,
  limit: number,
): Promise<EventBatch> {
  return toEventBatch(await sql<LogRow[]>`select * from event_log.read(${types as string[]}, ${afterSeq}, ${limit})`);
}

/** A row of the SQL function `event_log.read`. */
export type LogRow = LoggedEvent & { readonly is_settled: boolean };

/** The rows up to the first that is not settled. */
export function toEventBatch(rows: readonly LogRow[]): EventBatch {
  const unsettled = rows.findIndex((row) => !row.is_settled);
  return unsettled === -1
    ? { events: rows, isHeldBack: false }
    : { events: rows.slice(0, unsettled), isHeldBack: true };
}

/** The number after which an event of `types` that is committed from now on lies; null means any type. */
export async function findEnd(sql: Sql, types: readonly string[] | null): Promise<bigint> {
  const [row] = await sql<{ seq: bigint }[]>`select event_log.settled_until(${types as string[] | null}) as seq`;
  return row?.seq ?? 0n;
}

/** Part of the log, in order. `untilSeq` must be settled: at most what `findEnd` gave for these types. */
export async function readRange(
  sql: Sql | Tx,
  range: {
    readonly types: readonly string[];
    readonly afterSeq: bigint;
    readonly untilSeq: bigint;
    readonly keys?: readonly string[];
    readonly fromMs?: number;
    readonly beforeMs?: number;
  },
  limit: number,
): Promise<readonly LoggedEvent[]> {
  const { types, afterSeq, untilSeq, fromMs, beforeMs } = range;
  const keys = (range.keys as string[] | undefined) ?? null;
  const from = fromMs === undefined ? null : new Date(fromMs);
  const before = beforeMs === undefined ? null : new Date(beforeMs);
  return sql<LoggedEvent[]>`
    select found.* from unnest(${types as string[]}::text[]) as wanted, lateral (
      select * from event_log.event
      where type = wanted and seq > ${afterSeq} and seq <= ${untilSeq}
        and (${keys}::text[] is null or key = any(${keys}::text[]))
        and (${from}::timestamptz is null or time >= ${from}::timestamptz)
        and (${before}::timestamptz is null or time < ${before}::timestamptz)
      order by seq limit ${limit}
    ) as found
    order by found.seq limit ${limit}`;
}

/** Decodes the payload. Fields that this program does not know yet are ignored. Throws an Error when it does not fit. */
export function decodeEvent(row: LoggedEvent, event: EventType): ReceivedEvent {
  return {
    id: row.id,
    type: row.type,
    source: row.source,
    key: row.key,
    timeMs: row.time.getTime(),
    data: fromJson(event.schema, row.data, { ignoreUnknownFields: true }),
    traceparent: row.traceparent,
    ...(row.revision !== null && { revision: Number(row.revision) }),
    ...(row.operator !== "" && { operator: row.operator }),
  };
}

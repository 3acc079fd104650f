import type { Database, Sql, Tx } from "../db/database.ts";
import type { Tracer } from "../observability/tracing.ts";
import type { Clock } from "../service/clock.ts";
import type { DurableSubscription } from "./event.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { handleEvent, toErrorText } from "./handle-event.ts";
import { noteParkedFailure } from "./subscription-store.ts";

/** An event that a durable subscription gave up. */
export interface ParkedEvent extends LoggedEvent {
  readonly subscription: string;
  /** How often it was tried, redrives included. */
  readonly attempts: number;
  readonly lastError: string;
  readonly parkedAt: Date;
}

/** Which parked events are meant; what is left out does not restrict. */
export interface ParkedFilter {
  readonly eventIds?: readonly string[];
  readonly types?: readonly string[];
  readonly keys?: readonly string[];
  /** Only those after this number of the log, to page through a list. */
  readonly afterSeq?: bigint;
  /** Only those up to this number. */
  readonly untilSeq?: bigint;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

/** What a redrive did. */
export interface RedriveResult {
  readonly handled: number;
  readonly failed: number;
  /** Left alone, because an earlier one of the same key failed. */
  readonly heldBack: number;
}

const defaultLimit = 100;
const maxLimit = 1_000;

/** The parked events of one of the caller's own subscriptions, in the order of the log. */
export async function listParkedEvents(
  sql: Sql | Tx,
  subscription: string,
  filter: ParkedFilter = {},
): Promise<readonly ParkedEvent[]> {
  const { eventIds = null, types = null, keys = null, afterSeq = 0n, untilSeq = null, limit = defaultLimit } = filter;
  return sql<ParkedEvent[]>`
    select event.*, parked.subscription, parked.attempts, parked.last_error as "lastError",
      parked.parked_at as "parkedAt"
    from event_log.parked_event as parked join event_log.event using (seq)
    where parked.subscription = ${subscription} and seq > ${afterSeq}
      and (${untilSeq}::bigint is null or seq <= ${untilSeq}::bigint)
      and (${eventIds as string[]}::text[] is null or event.id = any(${eventIds as string[]}::text[]))
      and (${types as string[]}::text[] is null or event.type = any(${types as string[]}::text[]))
      and (${keys as string[]}::text[] is null or event.key = any(${keys as string[]}::text[]))
    order by seq limit ${Math.min(limit, maxLimit)}`;
}

/**
 * Gives parked events to the handler once more, oldest first, each in a transaction of its own in which it also ceases
 * to be parked. One that fails again stays parked with the new error, and so do later ones of its key. Meanwhile the
 * subscription handles nothing else. Safe to repeat and to race: an event is handled by one of the callers.
 */
export async function redriveParkedEvents(
  deps: { readonly db: Database; readonly clock: Clock },
  subscription: DurableSubscription,
  filter: ParkedFilter = {},
): Promise<RedriveResult> {
  const { db, clock } = deps;
  const failedKeys = new Set<string>();
  const result = { handled: 0, failed: 0, heldBack: 0 };
  for (const row of await listParkedEvents(db.sql, subscription.name, filter)) {
    if (failedKeys.has(row.key)) {
      result.heldBack += 1;
      continue;
    }
    try {
      if (await db.transaction((tx) => redriveEvent(tx, subscription, row))) result.handled += 1;
    } catch (err) {
      failedKeys.add(row.key);
      result.failed += 1;
      await noteParkedFailure(db.sql, subscription.name, row.seq, { error: toErrorText(err), nowMs: clock.nowMs() });
    }
  }
  return result;
}

/** Gives parked events up for good; they stay in the log. Gives back which, so that the caller can record it. */
export async function skipParkedEvents(
  tx: Tx,
  subscription: string,
  filter: ParkedFilter = {},
): Promise<readonly ParkedEvent[]> {
  const parked = await listParkedEvents(tx, subscription, filter);
  const seqs = parked.map(({ seq }) => seq);
  const gone = await tx<{ seq: bigint }[]>`
    delete from event_log.parked_event where subscription = ${subscription} and seq = any(${seqs}) returning seq`;
  const goneSeqs = new Set(gone.map(({ seq }) => seq));
  return parked.filter(({ seq }) => goneSeqs.has(seq));
}

/**
 * Gives one parked event to the handler in the caller's transaction, in which it also ceases to be parked. False when
 * somebody else has dealt with it meanwhile.
 */
export async function redriveEvent(
  tx: Tx,
  subscription: DurableSubscription,
  row: LoggedEvent,
  tracer?: Tracer | undefined,
): Promise<boolean> {
  // The same lock as the running subscription's: its handler never runs twice at a time.
  await tx`select from event_log.subscription where name = ${subscription.name} for update`;
  const { count } = await tx`
    delete from event_log.parked_event where subscription = ${subscription.name} and seq = ${row.seq}`;
  if (count === 0) return false;
  await handleEvent(tx, subscription, row, {}, tracer);
  return true;
}

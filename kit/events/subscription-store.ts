import type { Database, Sql, Tx } from "../db/database.ts";
import { type EventBatch, type LogRow, toEventBatch } from "./event-reader.ts";

/**
 * Remembers a subscription to these types, from the beginning of the log, and that a node has it. A known one keeps its
 * position.
 */
export async function ensureSubscription(
  sql: Sql,
  name: string,
  types: readonly string[],
  isReplayable = false,
): Promise<void> {
  const sorted = [...new Set(types)].sort();
  await sql`
    insert into event_log.subscription (name, types, is_replayable) values (${name}, ${sorted}, ${isReplayable})
    on conflict do nothing`;
  // Nothing is written where nothing changes: that would wait for a node at work.
  await sql`
    update event_log.subscription set types = ${sorted}, is_replayable = ${isReplayable}
    where name = ${name} and (types is distinct from ${sorted} or is_replayable <> ${isReplayable})`;
  await markSeen(sql, [name]);
}

/** Says that a node has these subscriptions; one that is at work tells by that. */
export async function markSeen(sql: Sql, names: readonly string[]): Promise<void> {
  await sql`
    update event_log.subscription set seen_at = now() where name in (
      select name from event_log.subscription where name = any(${names as string[]}) for update skip locked
    )`;
}

/**
 * Remembers a subscription whose events come from a broker. Where it was in the log it stays: what lies before has been
 * handled. The log is not kept for it.
 */
export async function ensureBrokerSubscription(sql: Sql, name: string): Promise<void> {
  await sql`
    insert into event_log.subscription (name, types, was_on_broker) values (${name}, '{}', true)
    on conflict (service, name) do update set types = '{}', was_on_broker = true`;
}

/** The log is kept for none of the caller's subscriptions but this one: for relays to a broker that is no longer used. */
export async function keepOnlyFor(sql: Sql, name: string | undefined): Promise<void> {
  await sql`update event_log.subscription set types = '{}' where name is distinct from ${name ?? null}`;
}

/** True when events have ever come to the subscription from a broker. */
export async function findWasOnBroker(sql: Sql, name: string): Promise<boolean> {
  const [row] = await sql<{ was_on_broker: boolean }[]>`
    select was_on_broker from event_log.subscription where name = ${name}`;
  return row?.was_on_broker === true;
}

/**
 * Forgets a subscription that no program has any more, with its parked events: the log is no longer kept for it. Under
 * the same name a new one would begin at the beginning. Safe to repeat.
 */
export async function forgetSubscription(tx: Tx, name: string): Promise<void> {
  await tx`delete from event_log.subscription where name = ${name}`;
  await tx`delete from event_log.parked_event where subscription = ${name}`;
}

/** A node's right to a subscription until its transaction ends. */
export interface SubscriptionClaim extends EventBatch {
  /** Until then the first event, which failed, is left alone. */
  readonly retryAtMs: number;
}

/** Locks the subscription and reads its next events. Undefined when another node has it. */
export async function claimBatch(
  tx: Tx,
  name: string,
  types: readonly string[],
  limit: number,
): Promise<SubscriptionClaim | undefined> {
  const rows = await tx<(LogRow & { retry_at: Date | null; seq: bigint | null })[]>`
    select own.retry_at, logged.*
    from (
      select position, nullif(retry_at, '-infinity') as retry_at from event_log.subscription
      where name = ${name} for update skip locked
    ) as own
    left join lateral event_log.read(${types as string[]}, own.position, ${limit}) as logged on true`;
  const [first] = rows;
  if (!first) return undefined;
  const isEmpty = first.seq === null;
  return { retryAtMs: first.retry_at?.getTime() ?? 0, ...toEventBatch(isEmpty ? [] : rows) };
}

/** Moves the position to an event that is done. */
export async function advance(tx: Tx, name: string, seq: bigint): Promise<void> {
  await tx`
    update event_log.subscription set position = ${seq}, attempts = 0, retry_at = '-infinity', last_error = ''
    where name = ${name}`;
}

/** How often an event has failed, and whether it was given up. */
export interface RecordedFailure {
  readonly attempts: number;
  readonly isParked: boolean;
}

/**
 * Counts a failed attempt at the event after the position: the next is due after a delay that doubles from
 * `firstRetryMs` to `retryLimitMs`, and the `attemptLimit`-th parks the event and moves on. Undefined when another node
 * has got past the event meanwhile.
 */
export async function recordFailure(
  db: Database,
  name: string,
  seq: bigint,
  failure: {
    readonly error: string;
    readonly nowMs: number;
    readonly firstRetryMs: number;
    readonly retryLimitMs: number;
    readonly attemptLimit: number;
  },
): Promise<RecordedFailure | undefined> {
  return db.transaction(async (tx) => {
    const [row] = await tx<{ attempts: number }[]>`
      update event_log.subscription set attempts = attempts + 1, last_error = ${failure.error}
      where name = ${name} and position < ${seq} returning attempts`;
    if (!row) return undefined;
    if (row.attempts >= failure.attemptLimit) {
      await park(tx, name, seq, { ...failure, attempts: row.attempts });
      await advance(tx, name, seq);
      return { attempts: row.attempts, isParked: true };
    }
    const delayMs = Math.min(failure.firstRetryMs * 2 ** (row.attempts - 1), failure.retryLimitMs);
    await tx`
      update event_log.subscription set retry_at = ${new Date(failure.nowMs + delayMs)} where name = ${name}`;
    return { attempts: row.attempts, isParked: false };
  });
}

/** Keeps an event that a subscription gives up, with its last error. */
export async function park(
  tx: Tx,
  name: string,
  seq: bigint,
  failure: { readonly attempts: number; readonly error: string; readonly nowMs: number },
): Promise<void> {
  await tx`
    insert into event_log.parked_event (subscription, seq, attempts, last_error, parked_at)
    values (${name}, ${seq}, ${failure.attempts}, ${failure.error}, ${new Date(failure.nowMs)})
    on conflict (service, subscription, seq) do update
    set attempts = excluded.attempts, last_error = excluded.last_error, parked_at = excluded.parked_at`;
}

/** Counts a failed redrive of a parked event; `operation` is the one in which it failed. */
export async function noteParkedFailure(
  sql: Sql | Tx,
  name: string,
  seq: bigint,
  failure: { readonly error: string; readonly nowMs: number; readonly operation?: string },
): Promise<void> {
  await sql`
    update event_log.parked_event
    set attempts = attempts + 1, last_error = ${failure.error}, parked_at = ${new Date(failure.nowMs)},
      operation = ${failure.operation ?? null}
    where subscription = ${name} and seq = ${seq}`;
}

/** Moves the position back to a number, if it is later. True when it was. */
export async function rewind(tx: Tx, name: string, seq: bigint): Promise<boolean> {
  const { count } = await tx`
    update event_log.subscription set position = ${seq} where name = ${name} and position > ${seq}`;
  return count > 0;
}

/** What a relay's lanes were given: by lane, the number of the last event. */
export async function readLaneEnds(tx: Tx, name: string): Promise<ReadonlyMap<string, bigint>> {
  const [row] = await tx<{ lane_ends: Readonly<Record<string, string>> }[]>`
    select lane_ends from event_log.subscription where name = ${name}`;
  return new Map(Object.entries(row?.lane_ends ?? {}).map(([lane, seq]) => [lane, BigInt(seq)]));
}

/** Notes what some lanes were given; the others stay. */
export async function writeLaneEnds(tx: Tx, name: string, ends: ReadonlyMap<string, bigint>): Promise<void> {
  const texts = Object.fromEntries([...ends].map(([lane, seq]) => [lane, String(seq)]));
  await tx`update event_log.subscription set lane_ends = lane_ends || ${tx.json(texts)} where name = ${name}`;
}

/**
 * Notes that a subscription has handled an event; false when it had already, from a broker or from the log itself. Waits
 * for another transaction that is about to note the same.
 */
export async function markHandled(
  tx: Tx,
  name: string,
  event: { readonly id: string; readonly seq: bigint },
): Promise<boolean> {
  const { count } = await tx`
    insert into event_log.handled_event (event_id, subscription)
    select ${event.id}, ${name}
    where not exists (select from event_log.subscription where name = ${name} and position >= ${event.seq})
    on conflict do nothing`;
  return count > 0;
}

/** Which of these events a subscription has handled when they came from a broker. */
export async function findHandled(tx: Tx, name: string, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx<{ event_id: string }[]>`
    select event_id from event_log.handled_event
    where event_id = any(${eventIds as string[]}) and subscription = ${name}`;
  return new Set(rows.map((row) => row.event_id));
}

import type { DescMessage } from "@bufbuild/protobuf";
import type { Database, Tx } from "../db/database.ts";
import type { DurableSubscription, EventType, ReceivedEvent } from "../events/event.ts";
import { readRange } from "../events/event-reader.ts";
import { decodeStored, type Upcasters } from "./upcast.ts";

/** A table that is derived from events, and can be derived anew. */
export interface Projection {
  /** Name of the table in the service's schema. `<table>_rebuild`, with the same columns and key, lies beside it. */
  readonly table: string;
  /** By what name its position is known; that of the table, unless that was once called otherwise. */
  readonly name?: string;
  readonly events: readonly EventType[];
  /** For a rebuild, which meets events of former types too. */
  readonly upcasters?: Upcasters;
  /** As of a subscription. */
  readonly gatherMs?: number;
  /** For a rebuild, which begins with it: writes into `table` what is known of a time whose events do not tell it. */
  seed?(tx: Tx, table: string): Promise<void>;
  /** Writes what the event means into `table`, and nothing else; `tx(table)` is the name in SQL. */
  apply(tx: Tx, event: ReceivedEvent, table: string): Promise<void>;
}

/** What one kind of event writes into the table; a row of the list that `defineProjection` takes. */
export interface Writer {
  readonly event: EventType;
  readonly apply: Projection["apply"];
}

/** Types what one kind of event writes. */
export function writes<Desc extends DescMessage>(
  event: EventType<Desc>,
  apply: (tx: Tx, event: ReceivedEvent<Desc>, table: string) => Promise<void>,
): Writer {
  return { event, apply: apply as Writer["apply"] };
}

/** Declares a projection of the events that `writers` name. */
export function defineProjection(options: {
  readonly table: string;
  readonly name?: string;
  readonly writers: readonly Writer[];
  readonly upcasters?: Upcasters;
  readonly gatherMs?: number;
  readonly seed?: NonNullable<Projection["seed"]>;
}): Projection {
  const { table, name: known, writers, upcasters, gatherMs, seed } = options;
  const byType = new Map(writers.map((writer) => [writer.event.type, writer]));
  return {
    table,
    ...(known && { name: known }),
    events: writers.map(({ event }) => event),
    ...(upcasters && { upcasters }),
    ...(gatherMs !== undefined && { gatherMs }),
    ...(seed && { seed }),
    apply: async (tx, event, name) => byType.get(event.type)?.apply(tx, event, name),
  };
}

/** The subscription that keeps the table up to date. */
export function projectionSubscription(projection: Projection): DurableSubscription {
  const { table, events, gatherMs } = projection;
  return {
    mode: "durable",
    name: toName(projection),
    events,
    ...(gatherMs !== undefined && { gatherMs }),
    handle: (tx, event) => projection.apply(tx, event, table),
  };
}

const batchSize = 500;

/**
 * Derives the table anew from the beginning of the log, while it is read and kept up to date as ever: into
 * `<table>_rebuild`, up to where the subscription stands; then that stands still while the differences are taken over.
 * All of it is one transaction: readers see the old rows or the new, and a rebuild that is cut short has done nothing.
 * Afterwards the rows are exactly what `apply` makes, on top of `seed`, of all events up to the subscription's position, and of its parked
 * events none is left. Meant for events of streams: others may no longer be in the log.
 * Throws a TypeError when the subscription does not exist and an Error when another rebuild is under way; rejects with
 * the signal's reason, or with what `apply` throws.
 */
export async function rebuildProjection(options: {
  readonly db: Database;
  readonly projection: Projection;
  readonly signal?: AbortSignal;
}): Promise<{ readonly events: number }> {
  const { db, projection, signal } = options;
  const { table, upcasters = {} } = projection;
  const name = toName(projection);
  const types = [...projection.events.map(({ type }) => type), ...Object.keys(upcasters)];

  return db.transaction(async (tx) => {
    await claimRebuild(tx, name);
    await projection.seed?.(tx, `${table}_rebuild`);
    let events = 0;
    let afterSeq = 0n;
    const applyUntil = async (untilSeq: bigint) => {
      for (;;) {
        signal?.throwIfAborted();
        const rows = await readRange(tx, { types, afterSeq, untilSeq }, batchSize);
        const last = rows.at(-1);
        if (!last) return;
        for (const row of rows) {
          await projection.apply(tx, decodeStored(row, projection.events, upcasters), `${table}_rebuild`);
        }
        events += rows.length;
        afterSeq = last.seq;
      }
    };
    // The subscription is held up only for what comes while the first, long part is done.
    await applyUntil(await findPosition(tx, name));
    await applyUntil(await findPosition(tx, name));
    await applyUntil(await lockPosition(tx, name));
    await takeOver(tx, table, name);
    return { events };
  });
}

async function claimRebuild(tx: Tx, name: string): Promise<void> {
  const [row] = await tx<{ is_mine: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtext(current_schema), hashtext(${name})) as is_mine`;
  if (!row?.is_mine) throw new Error(`${name} is being rebuilt already`);
}

async function findPosition(tx: Tx, name: string): Promise<bigint> {
  return toPosition(name, await tx`select position from event_log.subscription where name = ${name}`);
}

async function lockPosition(tx: Tx, name: string): Promise<bigint> {
  const rows = await tx`select position from event_log.subscription where name = ${name} for update`;
  return toPosition(name, rows);
}

function toPosition(name: string, [row]: readonly { readonly [column: string]: unknown }[]): bigint {
  if (!row) throw new TypeError(`nothing keeps ${name} up to date: its subscription does not exist`);
  return row["position"] as bigint;
}

/** Writes only what differs. The text of a row tells it apart from every other one, and can be hashed. */
async function takeOver(tx: Tx, table: string, name: string): Promise<void> {
  const live = tx(table);
  const rebuilt = tx(`${table}_rebuild`);
  await tx`
    delete from ${live} as old
    where not exists (select from ${rebuilt} as fresh where fresh::text = old::text)`;
  await tx`
    insert into ${live}
    select fresh.* from ${rebuilt} as fresh
    where not exists (select from ${live} as old where old::text = fresh::text)`;
  await tx`delete from ${rebuilt}`;
  await tx`delete from event_log.parked_event where subscription = ${name}`;
}

function toName({ table, name = table }: Pick<Projection, "table" | "name">): string {
  return `projection.${name}`;
}

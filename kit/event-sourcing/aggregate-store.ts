import type { Sql, Tx } from "../db/database.ts";
import { readStream } from "../events/stream-reader.ts";
import type { Aggregate } from "./aggregate.ts";
import { decodeStored } from "./upcast.ts";

/** An aggregate as far as its events are known. */
export interface LoadedAggregate<State> {
  readonly id: string;
  /** Revision of the last event; 0 when there is none. */
  readonly version: number;
  readonly state: State;
}

const pageSize = 1_000;

/** The stream that holds an aggregate's events. */
export function toStream(aggregate: { readonly name: string }, id: string): string {
  return `${aggregate.name}/${id}`;
}

/** The snapshot of the aggregate's present shape, or the initial state. */
export async function readSnapshot<State>(
  sql: Sql | Tx,
  aggregate: Aggregate<State>,
  id: string,
): Promise<LoadedAggregate<State>> {
  const [row] = await sql<{ version: bigint; state: unknown }[]>`
    select version, state from event_log.snapshot
    where aggregate = ${aggregate.name} and id = ${id} and shape = ${aggregate.shape}`;
  if (!row) return { id, version: 0, state: aggregate.initial };
  return { id, version: Number(row.version), state: row.state as State };
}

/** Keeps a snapshot, unless there is a later one of this shape or one of a later shape. */
export async function writeSnapshot<State>(
  tx: Tx,
  aggregate: Aggregate<State>,
  { id, version, state }: LoadedAggregate<State>,
): Promise<void> {
  await tx`
    insert into event_log.snapshot as kept (aggregate, id, shape, version, state)
    values (${aggregate.name}, ${id}, ${aggregate.shape}, ${version}, ${tx.json(state as never)})
    on conflict (service, aggregate, id) do update
    set shape = excluded.shape, version = excluded.version, state = excluded.state
    where (kept.shape, kept.version) < (excluded.shape, excluded.version)`;
}

/** Up to where an aggregate's events are looked at: both included. */
export interface Until {
  readonly version?: number | undefined;
  readonly timeMs?: number | undefined;
}

/**
 * The aggregate after all events that followed, or after those up to `until`. Takes time in proportion to their number,
 * memory for 1,000 of them.
 */
export async function catchUp<State>(
  sql: Sql | Tx,
  aggregate: Aggregate<State>,
  source: string,
  from: LoadedAggregate<State>,
  until: Until = {},
): Promise<LoadedAggregate<State>> {
  const { version: lastVersion = Number.POSITIVE_INFINITY, timeMs = Number.POSITIVE_INFINITY } = until;
  const name = { source, stream: toStream(aggregate, from.id) };
  let { version, state } = from;
  for (;;) {
    const rows = await readStream(sql, name, version, pageSize);
    for (const row of rows) {
      if (Number(row.revision) > lastVersion || row.time.getTime() > timeMs) return { id: from.id, version, state };
      state = aggregate.apply(state, decodeStored(row, aggregate.events, aggregate.upcasters));
      version = Number(row.revision);
    }
    if (rows.length < pageSize) return { id: from.id, version, state };
  }
}

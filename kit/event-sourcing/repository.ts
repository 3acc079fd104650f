import { create } from "@bufbuild/protobuf";
import type { Database, Tx } from "../db/database.ts";
import { isFailure } from "../errors/failure.ts";
import type { Outbox, ReceivedEvent } from "../events/event.ts";
import { eventFailures } from "../events/event-failures.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import type { Aggregate, NewEvent } from "./aggregate.ts";
import { catchUp, type LoadedAggregate, readSnapshot, toStream, type Until, writeSnapshot } from "./aggregate-store.ts";

/** Decides what happens next. Throws a Failure to refuse; no events mean that nothing changes. Runs again on a conflict. */
export type Command<State> = (state: State, version: number) => readonly NewEvent[];

/** The aggregates of one kind. */
export interface Repository<State> {
  /** The present state: everything committed before the call. Version 0 means that there is none. */
  load(id: string): Promise<LoadedAggregate<State>>;
  /** A former state, from its events alone: after version `until.version`, or as it was at `until.timeMs`. */
  loadAt(id: string, until: Until): Promise<LoadedAggregate<State>>;
  /**
   * Runs a command on the present state and commits the events that it gives, together with what `also` writes in the
   * same transaction. When somebody else commits first the command runs again on the new state, up to 10 times; then
   * the Failure `event.wrong_expected_revision` goes to the caller.
   */
  execute(
    id: string,
    command: Command<State>,
    also?: (tx: Tx, loaded: LoadedAggregate<State>) => Promise<void>,
  ): Promise<LoadedAggregate<State>>;
}

export interface RepositoryOptions<State> {
  readonly aggregate: Aggregate<State>;
  /** The service's own database. */
  readonly db: Database;
  readonly outbox: Outbox;
  /** The service's name, as in the events. */
  readonly source: string;
  readonly clock: Clock;
  readonly random: Random;
}

const attemptLimit = 10;
const retryMs = 5;
const eventsPerCommandLimit = 1_000;

/** Opens the aggregates of one kind. Throws on use when the service does not publish their events. */
export function createRepository<State>(options: RepositoryOptions<State>): Repository<State> {
  const { aggregate, db, outbox, source, clock, random } = options;

  async function load(id: string): Promise<LoadedAggregate<State>> {
    return catchUp(db.sql, aggregate, source, await readSnapshot(db.sql, aggregate, id));
  }

  /** Appends after `from`, and gives back the aggregate as it then is. */
  async function commit(
    tx: Tx,
    from: LoadedAggregate<State>,
    events: readonly NewEvent[],
  ): Promise<LoadedAggregate<State>> {
    const { id } = from;
    let { version, state } = from;
    for (const { event, data } of events) {
      const message = create(event.schema, data);
      if (event.key(message) !== id) throw new TypeError(`event ${event.type} does not have the key ${id}`);
      const eventId = random.id("evt");
      const expected = { expectedRevision: version, stream: toStream(aggregate, id), id: eventId };
      version = await outbox.append(tx, event, message, expected);
      const received: ReceivedEvent = {
        id: eventId,
        type: event.type,
        source,
        key: id,
        timeMs: clock.nowMs(),
        data: message,
        traceparent: "",
        revision: version,
      };
      state = aggregate.apply(state, received);
    }
    const after = { id, version, state };
    const { snapshotEvery } = aggregate;
    if (Math.floor(version / snapshotEvery) > Math.floor(from.version / snapshotEvery)) {
      await writeSnapshot(tx, aggregate, after);
    }
    return after;
  }

  return {
    load,
    loadAt: (id, until) => catchUp(db.sql, aggregate, source, { id, version: 0, state: aggregate.initial }, until),
    async execute(id, command, also) {
      let loaded = await load(id);
      for (let attempt = 1; ; attempt++) {
        const from = loaded;
        const events = command(from.state, from.version);
        if (events.length === 0) return from;
        if (events.length > eventsPerCommandLimit) {
          throw new RangeError(`a command gave ${events.length} events, the limit is ${eventsPerCommandLimit}`);
        }
        try {
          return await db.transaction(async (tx) => {
            const after = await commit(tx, from, events);
            await also?.(tx, after);
            return after;
          });
        } catch (err) {
          if (!isFailure(err, eventFailures.wrong_expected_revision) || attempt === attemptLimit) throw err;
          // Losers that came together part ways.
          await delay(clock, retryMs * attempt * ((random.bytes(1)[0] ?? 0) / 255));
          loaded = await catchUp(db.sql, aggregate, source, from);
        }
      }
    },
  };
}

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { EventType, ReceivedEvent } from "../events/event.ts";
import type { Upcasters } from "./upcast.ts";

/** A kind of thing whose state is what its events add up to. */
export interface Aggregate<State> {
  readonly name: string;
  /** Raised whenever the shape of `State` or the meaning of `apply` changes: older snapshots are then not used. */
  readonly shape: number;
  /** The state before the first event. Like every state, JSON and nothing else: a snapshot is one. */
  readonly initial: State;
  /** What it is made of. The key of each event is the aggregate's id. */
  readonly events: readonly EventType[];
  /** The state after one more event. Pure; must accept every event that was ever written. */
  readonly apply: (state: State, event: ReceivedEvent) => State;
  /** A snapshot is kept after so many events. */
  readonly snapshotEvery: number;
  /** Brings stored events of former types, by that type's name, one step closer to today's. */
  readonly upcasters: Upcasters;
}

/** An event that a command wants to happen. */
export interface NewEvent<Desc extends DescMessage = DescMessage> {
  readonly event: EventType<Desc>;
  readonly data: MessageInitShape<Desc>;
}

/** Types one new event. */
export function newEvent<Desc extends DescMessage>(event: EventType<Desc>, data: MessageInitShape<Desc>): NewEvent {
  return { event, data } as unknown as NewEvent;
}

/** How one event changes the state; a row of the table that `defineAggregate` takes. */
export interface Applier<State> {
  readonly event: EventType;
  readonly apply: (state: State, event: ReceivedEvent) => State;
}

/** Types the effect of one kind of event on a state. */
export function when<State, Desc extends DescMessage>(
  event: EventType<Desc>,
  apply: (state: State, event: ReceivedEvent<Desc>) => State,
): Applier<State> {
  return { event, apply: apply as Applier<State>["apply"] };
}

/**
 * Declares an aggregate. `appliers` say what each of its events does. Default for `shape` is 1, for `snapshotEvery` 100.
 * Throws a TypeError when an event is named twice, or an upcaster stands for a type that is still current.
 */
export function defineAggregate<State>(options: {
  readonly name: string;
  readonly initial: State;
  readonly appliers: readonly Applier<State>[];
  readonly shape?: number;
  readonly snapshotEvery?: number;
  readonly upcasters?: Upcasters;
}): Aggregate<State> {
  const { name, initial, appliers, shape = 1, snapshotEvery = 100, upcasters = {} } = options;
  const byType = new Map(appliers.map((applier) => [applier.event.type, applier]));
  if (byType.size < appliers.length) throw new TypeError(`aggregate ${name} names an event twice`);
  const current = Object.keys(upcasters).find((type) => byType.has(type));
  if (current !== undefined) throw new TypeError(`aggregate ${name} has an upcaster for ${current}, which is current`);
  return {
    name,
    shape,
    initial,
    snapshotEvery,
    upcasters,
    events: appliers.map(({ event }) => event),
    apply(state, event) {
      const applier = byType.get(event.type);
      return applier ? applier.apply(state, event) : state;
    },
  };
}

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Tx } from "../db/database.ts";

/** A kind of event, declared in a contract. */
export interface EventType<Desc extends DescMessage = DescMessage> {
  /** Name in the field's terms, such as `key.revoked`. */
  readonly type: string;
  readonly schema: Desc;
  /** Events with the same key reach each subscriber in the order they were appended. */
  readonly key: (message: MessageShape<Desc>) => string;
}

/** Declares an event: its name, its payload and the key that orders it. */
export function defineEvent<Desc extends DescMessage>(
  type: string,
  schema: Desc,
  key: (message: MessageShape<Desc>) => string,
): EventType<Desc> {
  return { type, schema, key };
}

/** An event as a subscriber receives it. Field names follow CloudEvents 1.0. */
export interface ReceivedEvent<Desc extends DescMessage = DescMessage> {
  /** Unique, sortable; a handler that ran before has seen it. */
  readonly id: string;
  readonly type: string;
  /** The service that appended it. */
  readonly source: string;
  readonly key: string;
  readonly timeMs: number;
  readonly data: MessageShape<Desc>;
  /** W3C trace context of the call that caused it, or empty. */
  readonly traceparent: string;
  /** Present for an event of a stream: its number there, from 1 on without gaps. */
  readonly revision?: number;
  /** Present when an operator acted in somebody's name: the operator's id. */
  readonly operator?: string;
  /** Present when the event comes again in a replay: the id of that replay. */
  readonly replayId?: string;
}

/** Where a service writes its events. */
export interface Outbox {
  /**
   * Appends an event that becomes visible when `tx` commits, and never if it does not.
   * Throws a TypeError for an event that the service does not declare in `publishes`.
   */
  append<Desc extends DescMessage>(tx: Tx, event: EventType<Desc>, data: MessageInitShape<Desc>): Promise<void>;
  /**
   * The same, and the event takes the next revision of a stream; gives that back. The events of a stream are kept for
   * ever. Of concurrent appends with one expected revision exactly one succeeds; the others wait for it, and throw the
   * Failure `event.wrong_expected_revision` with `current`, as does any append whose expectation is wrong.
   */
  append<Desc extends DescMessage>(
    tx: Tx,
    event: EventType<Desc>,
    data: MessageInitShape<Desc>,
    options: StreamAppend,
  ): Promise<number>;
}

/** Where an append believes its stream to be. */
export interface StreamAppend {
  /** A revision, or "none" (0: nothing there yet), "exists" or "any". */
  readonly expectedRevision: "any" | "none" | "exists" | number;
  /** Unique within the service. Default: the event's key. */
  readonly stream?: string;
  /** The event's id, unique in the log: a repeat with the same one appends nothing and gives the first one's revision. */
  readonly id?: string;
}

/**
 * A durable subscription: each event is handled at least once, in order per key, by one of the nodes that host the
 * service. The position moves in the handler's own transaction, so what the handler writes with `tx` happens once.
 */
export interface DurableSubscription {
  readonly mode: "durable";
  /** Unique within the service; its position is kept under this name. */
  readonly name: string;
  readonly events: readonly EventType[];
  /**
   * True when the handler may be given events again on purpose, by `replayEvents`: it changes nothing outside the
   * database, or looks at `replayId` first. False when left out.
   */
  readonly isReplayable?: boolean;
  /**
   * How long events are gathered behind a batch that was not full, to be handled together: for what is said often and may be
   * known a moment later. Not at all when left out, and not over a broker. What comes to an idle subscription is handled at
   * once.
   */
  readonly gatherMs?: number;
  handle(tx: Tx, event: ReceivedEvent): Promise<void>;
}

/**
 * A broadcast: every process hears each event appended after it started, for local snapshots and caches.
 * Nothing is remembered between processes; after a lost connection `onGap` runs, then delivery goes on.
 */
export interface BroadcastSubscription {
  readonly mode: "broadcast";
  readonly name: string;
  readonly events: readonly EventType[];
  handle(event: ReceivedEvent): void;
  /** Events may have been missed: drop what was derived from them. */
  onGap(): void;
}

export type Subscription = DurableSubscription | BroadcastSubscription;

/** Types a durable handler for one kind of event. */
export function onEvent<Desc extends DescMessage>(
  name: string,
  event: EventType<Desc>,
  handle: (tx: Tx, event: ReceivedEvent<Desc>) => Promise<void>,
): DurableSubscription {
  return { mode: "durable", name, events: [event], handle: handle as DurableSubscription["handle"] };
}

/** Types a broadcast handler for one kind of event. */
export function onBroadcast<Desc extends DescMessage>(
  name: string,
  event: EventType<Desc>,
  handle: (event: ReceivedEvent<Desc>) => void,
  onGap: () => void,
): BroadcastSubscription {
  return { mode: "broadcast", name, events: [event], handle: handle as BroadcastSubscription["handle"], onGap };
}

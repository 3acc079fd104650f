import type { JsonValue } from "@bufbuild/protobuf";
import type { LoggedEvent } from "./event-reader.ts";
import type { Topic, TopicState } from "./topic.ts";

/**
 * A broker that carries copies of the log's events. PostgreSQL keeps the truth: the broker may lose and repeat anything.
 * What it keeps in order are its lanes: a partition of Kafka, a whole stream of JetStream. Events of one key and one type
 * are in one lane.
 */
export interface BrokerTransport {
  /** "nats" or "kafka"; the relay's position is kept under it. */
  readonly name: string;
  /** What it keeps events in, as declared. */
  readonly topics: readonly Topic[];
  /**
   * Resolves when the broker has acknowledged all of these, which are in the order of the log, with the last number that
   * each lane was given. Within a lane they are stored in this order; after a failure an unknown part of them is, but
   * never one without those before it. Only after `findEnds`, and again so after a failure. `isUnsure`: the broker may know some of them from a failure before.
   */
  publish(rows: readonly LoggedEvent[], isUnsure: boolean): Promise<LaneEnds>;
  /**
   * Number in the log of the last event that each lane has; 0 for one that never had any, undefined where that cannot be
   * told because all has expired. Makes streams and topics that are missing. Safe to repeat and to race.
   */
  findEnds(): Promise<ReadonlyMap<string, bigint | undefined>>;
  /**
   * Gives a group's events to `take`, each lane's one at a time and in order, the next when `take` has resolved. One that
   * is not done comes again, and so may any other. Resolves or rejects when the broker ceases to deliver, resolves when
   * `signal` aborts; no `take` is under way then.
   */
  listen(hearing: Hearing): Promise<void>;
  /** How far a group is behind. */
  readLag(group: BrokerGroup): Promise<BrokerLag>;
  /** Streams or topics as they are, the missing ones left out, with the groups that hear them. */
  listTopics(): Promise<readonly TopicState[]>;
  /** Creates one where it is missing. Safe to repeat and to race. */
  createTopic(topic: Topic): Promise<void>;
  /** Existing keys move to other lanes. Rejects where the number of lanes is fixed. */
  raisePartitions(topic: string, count: number): Promise<void>;
  /** Ends the connections; what is under way is finished first. Safe to repeat. */
  close(): Promise<void>;
}

/** By lane, the number of an event in the log. */
export type LaneEnds = ReadonlyMap<string, bigint>;

/** Nodes that share the work of one subscription. */
export interface BrokerGroup {
  readonly service: string;
  readonly subscription: string;
  readonly types: readonly string[];
}

export interface BrokerLag {
  readonly behind: number;
  /** When the oldest event that waits was stamped; undefined when none waits or that cannot be told. */
  readonly oldestMs: number | undefined;
}

export interface Hearing {
  readonly group: BrokerGroup;
  /** After so long without an answer the broker may deliver again. */
  readonly ackWaitMs: number;
  readonly signal: AbortSignal;
  /** True when the event is done with, whatever became of it; false when it is to come again. Never rejects. */
  take(delivery: BrokerDelivery): Promise<boolean>;
}

export interface BrokerDelivery {
  /** Where it lies, for logs. */
  readonly place: string;
  /** How often it was delivered, as far as the broker counts; from 1. */
  readonly attempts: number;
  /** Throws an Error for a message that no relay wrote. */
  toEvent(): LoggedEvent;
  /** The event needs longer than `ackWaitMs`. */
  extend(): void;
}

/** An event as the context attributes of CloudEvents 1.0, without the prefix that a protocol's binding puts before them. */
export function toAttributes(row: LoggedEvent): Readonly<Record<string, string>> {
  return {
    specversion: "1.0",
    id: row.id,
    type: row.type,
    source: row.source,
    time: row.time.toISOString(),
    partitionkey: row.key,
    sequence: String(row.seq),
    ...(row.traceparent !== "" && { traceparent: row.traceparent }),
    ...(row.operator !== "" && { operator: row.operator }),
    ...(row.stream !== null && { stream: row.stream, revision: String(row.revision) }),
  };
}

/** The event of such attributes. Throws an Error when they are not those of an event of the log. */
export function fromAttributes(read: (name: string) => string | undefined, data: () => JsonValue): LoggedEvent {
  const id = read("id") ?? "";
  const seq = read("sequence") ?? "";
  if (id === "" || !/^\d{1,18}$/.test(seq)) throw new Error("a message is not an event of the log");
  const stream = read("stream") ?? null;
  return {
    seq: BigInt(seq),
    id,
    type: read("type") ?? "",
    source: read("source") ?? "",
    key: read("partitionkey") ?? "",
    time: new Date(read("time") ?? 0),
    data: data(),
    traceparent: read("traceparent") ?? "",
    stream,
    revision: stream === null ? null : BigInt(read("revision") ?? 0),
    operator: read("operator") ?? "",
  };
}

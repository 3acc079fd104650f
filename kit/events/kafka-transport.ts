import type { MessageToProduce, Producer } from "@platformatic/kafka";
import { withTimeLimit } from "../cache/time-limit.ts";
import type { Clock } from "../service/clock.ts";
import {
  type BrokerGroup,
  type BrokerTransport,
  type Hearing,
  type LaneEnds,
  toAttributes,
} from "./broker-transport.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { countBrokers, findProducerConflict, type KafkaOptions, toBaseOptions } from "./kafka-client.ts";
import { listenToKafka } from "./kafka-listen.ts";
import { openKafkaTopics, toLane } from "./kafka-topics.ts";
import { createTopicMap, mapTypes } from "./topic.ts";

/** A broker takes 1 MiB in one batch of a partition (`message.max.bytes`); an event with its headers is below 300 KiB. */
const sendLimitBytes = 655_360;
const callLimitMs = 10_000;
/** The relay calls within a transaction that ends after 10 s of silence. */
const relayLimitMs = 8_000;
const defaultSessionTimeoutMs = 10_000;

/**
 * Keeps events in the topics of a Kafka cluster, as messages of the CloudEvents binding for Kafka in binary mode.
 * Connects; rejects when no broker answers within 10 s, and with a TypeError for producer settings under which events
 * would be lost or doubled. Lost connections are made again for ever.
 */
export async function connectKafka(options: KafkaOptions, clock: Clock): Promise<BrokerTransport> {
  const conflict = findProducerConflict(options.producer ?? {});
  if (conflict) throw new TypeError(`Kafka's producer: ${conflict.setting} ${conflict.text.en_US}`);
  // For what it throws.
  createTopicMap(options.topics);
  const kafka = await import("@platformatic/kafka");
  const { groupPrefix = "lyss", sessionTimeoutMs = defaultSessionTimeoutMs } = options;
  const base = toBaseOptions(options);
  const admin = new kafka.Admin({ ...base });
  // Reads single messages by their offset and joins no group.
  const reader = new kafka.Consumer({ ...base, groupId: `${groupPrefix}.relay` });
  const topics = openKafkaTopics(kafka, { admin, reader }, options.topics, options.replicas);
  /** Ids of the topics when their ends were looked at: a topic that was made anew in between has lost everything. */
  let knownIds: ReadonlyMap<string, string> = new Map();
  let producer: Producer | undefined;
  let isClosed = false;

  async function closeClients(): Promise<void> {
    isClosed = true;
    await Promise.allSettled([producer?.close(), reader.close(true), admin.close()]);
  }

  const inTime = <Value>(limitMs: number, work: Promise<Value>, what: string) =>
    withTimeLimit(clock, limitMs, work, () => {
      throw new Error(`Kafka has not ${what} within ${limitMs} ms`);
    });

  /** In order: a part that fails lets none of those after it through. A partition takes all of its share of a part or nothing. */
  async function send(own: Producer, rows: readonly LoggedEvent[]): Promise<LaneEnds> {
    const topicOf = mapTypes(options.topics, [...new Set(rows.map(({ type }) => type))]);
    const names = new Set([...topicOf.values()].map(({ name }) => name));
    const metadata = await own.metadata({ topics: [...names] });
    for (const name of names) {
      const { id } = metadata.topics.get(name) ?? {};
      if (id !== knownIds.get(name)) throw new Error(`topic ${name} was made anew`);
    }
    const ends = new Map<string, bigint>();
    const messages = rows.map((row) => {
      const topic = topicOf.get(row.type)?.name ?? "";
      const key = Buffer.from(row.key);
      // As Kafka's own clients choose it.
      const hash = kafka.compatibilityPartitioner(undefined as never, key);
      const partition = hash % (metadata.topics.get(topic)?.partitionsCount ?? 1);
      ends.set(toLane(topic, partition), row.seq);
      return { ...toMessage(row, options.dataHeaders ?? {}), topic, partition, key };
    });
    for (const part of splitBySize(messages)) await own.send({ messages: part });
    return ends;
  }

  async function publish(rows: readonly LoggedEvent[]): Promise<LaneEnds> {
    producer ??= new kafka.Producer({ ...base, idempotent: true, acks: kafka.ProduceAcks.ALL });
    const own = producer;
    try {
      return await inTime(relayLimitMs, send(own, rows), "acknowledged events");
    } catch (err) {
      // What it has under way may still arrive, though nothing that is sent after this: the next producer is a new one.
      producer = undefined;
      void own.close().catch(() => {});
      throw err;
    }
  }

  async function findEnds(): Promise<ReadonlyMap<string, bigint | undefined>> {
    const { ends, topicIds } = await inTime(relayLimitMs, topics.findEnds(), "told what it has");
    knownIds = topicIds;
    return ends;
  }

  try {
    await inTime(callLimitMs, countBrokers(admin), "answered");
  } catch (err) {
    await closeClients();
    throw err;
  }
  return {
    name: "kafka",
    topics: options.topics,
    publish,
    findEnds,
    listen: (hearing: Hearing) =>
      listenToKafka(
        kafka,
        { ...base, groupId: toGroupId(hearing.group), sessionTimeout: sessionTimeoutMs },
        topicsOf(hearing.group),
        hearing,
        topics.ensure,
      ),
    readLag: (group) =>
      inTime(callLimitMs, topics.readLag(toGroupId(group), topicsOf(group)), "told how far a group is behind"),
    listTopics: () => inTime(callLimitMs, topics.listTopics(), "described its topics"),
    createTopic: (topic) => inTime(callLimitMs, topics.create(topic), "made a topic"),
    raisePartitions: (topic, count) => inTime(callLimitMs, topics.raisePartitions(topic, count), "added partitions"),
    async close() {
      if (!isClosed) await closeClients();
    },
  };

  function toGroupId({ service, subscription }: BrokerGroup): string {
    return `${groupPrefix}.${service}.${subscription}`;
  }

  function topicsOf({ types }: BrokerGroup): string[] {
    return [...new Set([...mapTypes(options.topics, types).values()].map(({ name }) => name))];
  }
}

/**
 * Key and place are added by who knows the partitions. The message's own time is when it is published: what is published
 * again is kept as long as what is new.
 */
function toMessage(
  row: LoggedEvent,
  dataHeaders: Readonly<Record<string, string>>,
): { readonly value: Buffer; readonly headers: Map<Buffer, Buffer> } {
  const fields: Record<string, string> = { "content-type": "application/json", event_type: row.type };
  for (const [name, value] of Object.entries(toAttributes(row))) fields[`ce_${name}`] = value;
  for (const [header, field] of Object.entries(dataHeaders)) {
    const value = (row.data as Readonly<Record<string, unknown>> | null)?.[field];
    if (typeof value === "string" && value !== "") fields[header] = value;
  }
  return {
    value: Buffer.from(JSON.stringify(row.data)),
    headers: new Map(Object.entries(fields).map(([name, value]) => [Buffer.from(name), Buffer.from(value)])),
  };
}

function splitBySize(messages: readonly MessageToProduce[]): MessageToProduce[][] {
  const parts: MessageToProduce[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const ownBytes = messageOverheadBytes + (message.value?.length ?? 0);
    if (sizeBytes + ownBytes > sendLimitBytes) {
      parts.push([]);
      sizeBytes = 0;
    }
    parts.at(-1)?.push(message);
    sizeBytes += ownBytes;
  }
  return parts;
}

/** Headers and key of a message, rounded up. */
const messageOverheadBytes = 1_024;

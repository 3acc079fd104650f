import type { Admin, ClusterTopicMetadata, Consumer } from "@platformatic/kafka";
import { pause } from "../service/clock.ts";
import { type BrokerLag, fromAttributes } from "./broker-transport.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { countBrokers, isKafkaError, type KafkaModule } from "./kafka-client.ts";
import type { Topic, TopicState } from "./topic.ts";

/** The topics of a Kafka cluster, as they are looked after. */
export interface KafkaTopics {
  /** Creates those that are missing. Safe to repeat and to race. */
  ensure(): Promise<void>;
  /** See `BrokerTransport`; a lane is `<topic>/<partition>`. A topic's id tells it from a later one of its name. */
  findEnds(): Promise<{
    readonly ends: ReadonlyMap<string, bigint | undefined>;
    readonly topicIds: ReadonlyMap<string, string>;
  }>;
  readLag(group: string, topics: readonly string[]): Promise<BrokerLag>;
  /** Declared topics that are there. */
  listTopics(): Promise<readonly TopicState[]>;
  /** Creates it, and resolves when it is listed, too; at the latest two seconds after it is there. */
  create(topic: Topic): Promise<void>;
  /** Existing keys move to other partitions: their order holds only for those who have heard all that was there before. */
  raisePartitions(topic: string, count: number): Promise<void>;
}

const defaultReplicas = 3;
const dayMs = 86_400_000;
const fetchBytes = 1_048_576;
const listedEveryMs = 20;
const listedWithinMs = 2_000;

/** First and next offset of each partition. */
interface Offsets {
  readonly first: ReadonlyMap<string, bigint>;
  readonly next: ReadonlyMap<string, bigint>;
}

export function openKafkaTopics(
  kafka: KafkaModule,
  clients: { readonly admin: Admin; readonly reader: Consumer },
  declared: readonly Topic[],
  replicas: number | undefined,
): KafkaTopics {
  const { admin, reader } = clients;
  const names = declared.map(({ name }) => name);

  async function create({ name, partitions, retentionMs }: Topic): Promise<void> {
    const copies = replicas ?? Math.min(defaultReplicas, await countBrokers(admin));
    const configs = {
      "retention.ms": String(retentionMs),
      // A message is deleted with its segment: short ones keep none for much longer than asked for.
      "segment.ms": String(Math.min(dayMs, Math.max(1, Math.floor(retentionMs / 4)))),
      "min.insync.replicas": String(Math.max(1, copies - 1)),
      "cleanup.policy": "delete",
    };
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    try {
      await admin.createTopics({ topics: [name], partitions, replicas: copies, configs: entries });
    } catch (err) {
      if (!isKafkaError(kafka, err, "TOPIC_ALREADY_EXISTS")) throw err;
    }
    await waitUntilListed(name);
  }

  /** The controller answers before the brokers have heard of it. */
  async function waitUntilListed(name: string): Promise<void> {
    for (let asked = 0; asked < listedWithinMs / listedEveryMs; asked++) {
      if ((await admin.listTopics()).includes(name)) return;
      await pause(listedEveryMs);
    }
  }

  async function ensure(): Promise<void> {
    const found = await admin.listTopics();
    for (const topic of declared) if (!found.includes(topic.name)) await create(topic);
  }

  async function describe(topics: readonly string[]): Promise<ReadonlyMap<string, ClusterTopicMetadata>> {
    if (topics.length === 0) return new Map();
    return (await admin.metadata({ topics: [...topics], forceUpdate: true })).topics;
  }

  async function listOffsets(topics: ReadonlyMap<string, ClusterTopicMetadata>): Promise<Offsets> {
    const ask = async (timestamp: bigint) => {
      const asked = [...topics].map(([name, { partitions }]) => ({
        name,
        partitions: partitions.map((_, partitionIndex) => ({ partitionIndex, timestamp })),
      }));
      const answered = asked.length === 0 ? [] : await admin.listOffsets({ topics: asked });
      return new Map(
        answered.flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex, offset }) => [toLane(name, partitionIndex), offset] as const),
        ),
      );
    };
    const { EARLIEST, LATEST } = kafka.ListOffsetTimestamps;
    const [first, next] = await Promise.all([ask(EARLIEST), ask(LATEST)]);
    return { first, next };
  }

  /** The event at an offset; undefined when there is none, or what lies there is no event. */
  async function readAt(
    topic: ClusterTopicMetadata,
    partition: number,
    offset: bigint,
  ): Promise<LoggedEvent | undefined> {
    const node = topic.partitions[partition]?.leader;
    if (node === undefined) return undefined;
    const wanted = { partition, fetchOffset: offset, partitionMaxBytes: fetchBytes };
    const from = { ...wanted, currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
    const answer = await reader.fetch({ node, topics: [{ topicId: topic.id, partitions: [from] }] });
    for (const { records } of answer.responses.flatMap(({ partitions }) => partitions)) {
      for (const batch of records ?? []) {
        const record = batch.records.find(({ offsetDelta }) => batch.firstOffset + BigInt(offsetDelta) === offset);
        if (record) return tryToEvent(record.headers.map(([name, value]) => [String(name), String(value)]));
      }
    }
    return undefined;
  }

  async function findEnds(): ReturnType<KafkaTopics["findEnds"]> {
    await ensure();
    const topics = await describe(names);
    const { first, next } = await listOffsets(topics);
    const ends = new Map<string, bigint | undefined>();
    for (const [name, topic] of topics) {
      for (const partition of topic.partitions.keys()) {
        const lane = toLane(name, partition);
        const nextOffset = next.get(lane) ?? 0n;
        if (nextOffset === 0n) ends.set(lane, 0n);
        else if (first.get(lane) === nextOffset) ends.set(lane, undefined);
        else ends.set(lane, (await readAt(topic, partition, nextOffset - 1n))?.seq);
      }
    }
    return { ends, topicIds: new Map([...topics].map(([name, { id }]) => [name, id])) };
  }

  async function readCommitted(groups: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, bigint>>> {
    const answered = groups.length === 0 ? [] : await admin.listConsumerGroupOffsets({ groups: [...groups] });
    return new Map(
      answered.map(({ groupId, topics }) => [
        groupId,
        new Map(
          topics.flatMap(({ name, partitions }) =>
            partitions
              .filter(({ committedOffset }) => committedOffset >= 0n)
              .map(({ partitionIndex, committedOffset }) => [toLane(name, partitionIndex), committedOffset] as const),
          ),
        ),
      ]),
    );
  }

  async function readLag(group: string, wanted: readonly string[]): Promise<BrokerLag> {
    const topics = await describe(wanted);
    const [offsets, committed] = await Promise.all([listOffsets(topics), readCommitted([group])]);
    let behind = 0;
    let oldestMs: number | undefined;
    for (const [name, topic] of topics) {
      for (const partition of topic.partitions.keys()) {
        const { from, count } = waitingIn(toLane(name, partition), offsets, committed.get(group));
        behind += count;
        const event = count > 0 ? await readAt(topic, partition, from) : undefined;
        if (event) oldestMs = Math.min(oldestMs ?? Number.POSITIVE_INFINITY, event.time.getTime());
      }
    }
    return { behind, oldestMs };
  }

  async function readRetentions(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const resources = topics.map((resourceName) => ({
      resourceType: kafka.ConfigResourceTypes.TOPIC,
      resourceName,
      configurationKeys: ["retention.ms"],
    }));
    const described = resources.length === 0 ? [] : await admin.describeConfigs({ resources });
    return new Map(described.map(({ resourceName, configs }) => [resourceName, Number(configs[0]?.value)]));
  }

  async function listTopics(): Promise<readonly TopicState[]> {
    const present = await admin.listTopics();
    const topics = await describe(names.filter((name) => present.includes(name)));
    const groups = [...(await admin.listGroups({}).then((found) => found.keys()))];
    const [offsets, retentions, committed] = await Promise.all([
      listOffsets(topics),
      readRetentions([...topics.keys()]),
      readCommitted(groups),
    ]);
    return names.flatMap((name): TopicState[] => {
      const { partitions } = topics.get(name) ?? {};
      if (!partitions) return [];
      const lanes = partitions.map((_, partition) => toLane(name, partition));
      const count = (lane: string) => (offsets.next.get(lane) ?? 0n) - (offsets.first.get(lane) ?? 0n);
      const retentionMs = retentions.get(name) ?? -1;
      return [
        {
          name,
          partitions: partitions.length,
          replicas: partitions[0]?.replicas.length ?? 0,
          underReplicated: partitions.filter(({ replicas: all, isr }) => isr.length < all.length).length,
          messages: lanes.reduce((sum, lane) => sum + Number(count(lane)), 0),
          retentionMs: retentionMs < 0 ? undefined : retentionMs,
          groups: [...committed]
            .filter(([, own]) => lanes.some((lane) => own.has(lane)))
            .map(([group, own]) => ({
              name: group,
              behind: lanes.reduce((sum, lane) => sum + waitingIn(lane, offsets, own).count, 0),
            }))
            .sort((a, b) => (a.name < b.name ? -1 : 1)),
        },
      ];
    });
  }

  return {
    ensure,
    findEnds,
    readLag,
    listTopics,
    create,
    async raisePartitions(topic, count) {
      await admin.createPartitions({ topics: [{ name: topic, count }] });
    },
  };
}

export function toLane(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** Reads context attributes as the CloudEvents binding for Kafka writes them. */
export function readHeaders(headers: Iterable<readonly [string, string]>): (name: string) => string | undefined {
  const found = new Map(headers);
  return (name) => found.get(`ce_${name}`);
}

/** From where on, and how many messages, wait in a lane for a group that has committed these offsets. */
function waitingIn(lane: string, { first, next }: Offsets, committed: ReadonlyMap<string, bigint> | undefined) {
  const start = first.get(lane) ?? 0n;
  const done = committed?.get(lane) ?? 0n;
  const from = done > start ? done : start;
  return { from, count: Math.max(0, Number((next.get(lane) ?? 0n) - from)) };
}

function tryToEvent(headers: Iterable<readonly [string, string]>): LoggedEvent | undefined {
  try {
    return fromAttributes(readHeaders(headers), () => null);
  } catch {
    return undefined;
  }
}

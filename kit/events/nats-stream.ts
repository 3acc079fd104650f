import type { JetStreamManager } from "@nats-io/jetstream";
import { type BrokerLag, fromAttributes } from "./broker-transport.ts";
import type { TopicState } from "./topic.ts";

/** The JetStream stream that holds the events, as it is looked after. */
export interface NatsStream {
  /** Creates it where it is missing. Safe to repeat and to race. */
  ensure(): Promise<void>;
  /** See `BrokerTransport`: the stream is the one lane. */
  findEnds(): Promise<ReadonlyMap<string, bigint | undefined>>;
  readLag(consumer: string): Promise<BrokerLag>;
  listTopics(): Promise<readonly TopicState[]>;
}

export interface NatsStreamOptions {
  readonly replicas?: number | undefined;
  readonly maxAgeMs?: number;
  readonly duplicateWindowMs?: number;
}

const nanosPerMs = 1_000_000;
export const defaultMaxAgeMs = 259_200_000;
const defaultDuplicateWindowMs = 120_000;
/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const consumerNotFound = 10_014;
const streamNotFound = 10_059;
const messageNotFound = 10_037;

export function openNatsStream(manager: JetStreamManager, name: string, options: NatsStreamOptions): NatsStream {
  const findInfo = () => manager.streams.info(name).catch(undefinedWhen(streamNotFound));

  async function ensure(): Promise<void> {
    if (await findInfo()) return;
    await manager.streams.add({
      name,
      subjects: [`${name}.>`],
      storage: "file",
      retention: "limits",
      num_replicas: options.replicas ?? 1,
      max_age: (options.maxAgeMs ?? defaultMaxAgeMs) * nanosPerMs,
      duplicate_window: (options.duplicateWindowMs ?? defaultDuplicateWindowMs) * nanosPerMs,
    });
  }

  /** The event of the message with a number of the stream, or of the first with a subject from that number on. */
  async function readAt(seq: number, subject?: string) {
    const query = subject === undefined ? { seq } : { seq, next_by_subj: subject };
    const message = await manager.streams.getMessage(name, query).catch(undefinedWhen(messageNotFound));
    return message && fromAttributes(readHeaders(message.header), () => null);
  }

  async function findEnds(): Promise<ReadonlyMap<string, bigint | undefined>> {
    await ensure();
    const { state } = await manager.streams.info(name);
    if (state.last_seq === 0) return new Map([[name, 0n]]);
    return new Map([[name, state.messages === 0 ? undefined : (await readAt(state.last_seq))?.seq]]);
  }

  async function readLag(consumer: string): Promise<BrokerLag> {
    const info = await manager.consumers.info(name, consumer).catch(undefinedWhen(consumerNotFound, streamNotFound));
    const behind = info ? info.num_pending + info.num_ack_pending : 0;
    if (!info || behind === 0) return { behind, oldestMs: undefined };
    const oldest = await readAt(info.ack_floor.stream_seq + 1, info.config.filter_subject ?? `${name}.>`);
    return { behind, oldestMs: oldest?.time.getTime() };
  }

  async function listTopics(): Promise<readonly TopicState[]> {
    const info = await findInfo();
    if (!info) return [];
    const groups: TopicState["groups"][number][] = [];
    for await (const { name: consumer, num_pending, num_ack_pending } of manager.consumers.list(name)) {
      groups.push({ name: consumer, behind: num_pending + num_ack_pending });
    }
    const copies = info.cluster?.replicas ?? [];
    return [
      {
        name,
        partitions: 1,
        replicas: info.config.num_replicas,
        underReplicated: copies.some(({ current, offline }) => !current || offline === true) ? 1 : 0,
        messages: info.state.messages,
        retentionMs: info.config.max_age === 0 ? undefined : info.config.max_age / nanosPerMs,
        groups,
      },
    ];
  }

  return { ensure, findEnds, readLag, listTopics };
}

/** Reads context attributes as the CloudEvents binding for NATS writes them. */
export function readHeaders(headers: { get(name: string): string } | undefined): (name: string) => string | undefined {
  return (name) => headers?.get(`ce-${name}`) || undefined;
}

function undefinedWhen(...codes: readonly number[]): (err: { readonly code?: number }) => undefined {
  return (err) => {
    if (!codes.includes(err.code ?? 0)) throw err;
  };
}

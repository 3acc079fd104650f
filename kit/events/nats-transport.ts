import type { ConsumerMessages, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { Secret } from "../config/secret.ts";
import {
  type BrokerDelivery,
  type BrokerGroup,
  type BrokerTransport,
  fromAttributes,
  type Hearing,
  type LaneEnds,
  toAttributes,
} from "./broker-transport.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { defaultMaxAgeMs, openNatsStream, readHeaders } from "./nats-stream.ts";
import type { Topic } from "./topic.ts";

/** Events in a JetStream stream, which is one lane. Messages follow the CloudEvents binding for NATS. */
export interface NatsTransport extends BrokerTransport {
  readonly stream: string;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

export interface NatsOptions {
  /** `host:port` of the servers of one cluster. */
  readonly servers: readonly string[];
  readonly token?: Secret | undefined;
  readonly tls?: boolean;
  /** Default "lyss-events". Its subjects are `<stream>.<type>`. */
  readonly stream?: string;
  /** Copies of each message. Default 1. */
  readonly replicas?: number | undefined;
  /** How long the broker keeps a message. Default 3 days; less than the log keeps its events. */
  readonly maxAgeMs?: number;
  /** How long the broker knows an event again. Default 2 minutes; consumers do not rely on it. */
  readonly duplicateWindowMs?: number;
}

/** Time limit for connecting and for each request. */
const timeoutMs = 5_000;
const reconnectWaitMs = 250;
const pullMs = 5_000;
/** A broker that is gone without a word is noticed after three of these; the client's own take six minutes. */
const pingIntervalMs = 2_000;
const nanosPerMs = 1_000_000;
const defaultStream = "lyss-events";

/** Connects; rejects when no server answers within 5 s. Lost connections are made again for ever. */
export async function connectNats(options: NatsOptions): Promise<NatsTransport> {
  const [{ connect, headers }, { jetstream, jetstreamManager }] = await Promise.all([
    import("@nats-io/transport-node"),
    import("@nats-io/jetstream"),
  ]);
  const { token, tls = false } = options;
  const connection = await connect({
    servers: [...options.servers],
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    ...(token && { token: token.reveal() }),
    ...(tls && { tls: {} }),
  });
  const client = jetstream(connection, { timeout: timeoutMs });
  // Whether JetStream is there shows when the stream is ensured; a broker that is just starting does not say.
  const manager = await jetstreamManager(connection, { timeout: timeoutMs, checkAPI: false });
  const name = options.stream ?? defaultStream;
  const stream = openNatsStream(manager, name, options);
  const toSubject = (type: string) => `${name}.${type}`;

  /** The broker refuses a message that does not follow the one before it. */
  async function publishAfter(row: LoggedEvent, afterId: string | undefined): Promise<void> {
    const fields: MsgHdrs = headers();
    for (const [field, value] of Object.entries(toAttributes(row))) fields.set(`ce-${field}`, value);
    await client.publish(toSubject(row.type), JSON.stringify(row.data), {
      msgID: row.id,
      headers: fields,
      ...(afterId !== undefined && { expect: { lastMsgID: afterId } }),
    });
  }

  async function publish(rows: readonly LoggedEvent[], isUnsure: boolean): Promise<LaneEnds> {
    if (isUnsure) {
      // What the broker knows again it does not put behind the rest, so no message can name the one before it.
      for (const row of rows) await publishAfter(row, undefined);
    } else {
      // One that fails lets none of the rest through.
      const published = rows.map((row, index) => publishAfter(row, rows[index - 1]?.id));
      const failed = (await Promise.allSettled(published)).find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
    }
    const last = rows.at(-1);
    return new Map(last ? [[name, last.seq]] : []);
  }

  async function openMessages({ group, ackWaitMs }: Hearing): Promise<ConsumerMessages> {
    await stream.ensure();
    const durable = toConsumerName(group);
    const [only, ...others] = group.types;
    await manager.consumers.add(name, {
      durable_name: durable,
      ack_policy: "explicit",
      deliver_policy: "all",
      ack_wait: ackWaitMs * nanosPerMs,
      // JetStream does not keep the order of what it delivers again: one is in flight over all nodes.
      max_ack_pending: 1,
      // Servers before 2.10 know one filter only; what is not wanted is passed over.
      ...(only !== undefined && others.length === 0 && { filter_subject: toSubject(only) }),
    });
    const consumer = await client.consumers.get(name, durable);
    return consumer.consume({ max_messages: 1, expires: pullMs, abort_on_missing_resource: true });
  }

  async function listen(hearing: Hearing): Promise<void> {
    const messages = await openMessages(hearing);
    const end = () => messages.stop();
    hearing.signal.addEventListener("abort", end);
    try {
      if (hearing.signal.aborted) end();
      for await (const message of messages) {
        if (await hearing.take(toDelivery(message))) message.ack();
        else message.nak();
      }
    } finally {
      hearing.signal.removeEventListener("abort", end);
    }
  }

  return {
    name: "nats",
    topics: [toNatsTopic(options)],
    stream: name,
    connection,
    manager,
    publish,
    listen,
    findEnds: stream.findEnds,
    readLag: (group) => stream.readLag(toConsumerName(group)),
    listTopics: stream.listTopics,
    createTopic: stream.ensure,
    async raisePartitions() {
      throw new TypeError("a JetStream stream has one lane");
    },
    async close() {
      if (!connection.isClosed()) await connection.close();
    },
  };
}

/** The one stream, as a topic. */
export function toNatsTopic({ stream = defaultStream, maxAgeMs = defaultMaxAgeMs }: Partial<NatsOptions>): Topic {
  return { name: stream, types: ["*"], partitions: 1, retentionMs: maxAgeMs };
}

function toConsumerName({ service, subscription }: BrokerGroup): string {
  return `${service}-${subscription}`.replaceAll(/[^\w-]/g, "_");
}

function toDelivery(message: JsMsg): BrokerDelivery {
  return {
    place: `${message.subject}/${message.seq}`,
    attempts: message.info.deliveryCount,
    toEvent: () => fromAttributes(readHeaders(message.headers), () => message.json()),
    extend: () => message.working(),
  };
}

import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import type { Secret } from "../config/secret.ts";
import type { LoggedEvent } from "./event-reader.ts";

/** A JetStream stream that carries copies of the log's events. PostgreSQL keeps the truth. */
export interface NatsTransport {
  readonly stream: string;
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Creates the stream where it is missing. Safe to repeat and to race. */
  ensureStream(): Promise<void>;
  toSubject(type: string): string;
  /** Headers of an event, as in the CloudEvents NATS binding; `Nats-Msg-Id` is the event's id. */
  toHeaders(row: LoggedEvent): MsgHdrs;
  /** Ends the connection; what is under way is finished first. Safe to repeat. */
  close(): Promise<void>;
}

export interface NatsOptions {
  /** `host:port` of the servers of one cluster. */
  readonly servers: readonly string[];
  readonly token?: Secret;
  /** Default "lyss-events". Its subjects are `<stream>.<type>`. */
  readonly stream?: string;
  /** Copies of each message. Default 1. */
  readonly replicas?: number;
  /** How long the broker keeps a message. Default 3 days; less than the log keeps its events. */
  readonly maxAgeMs?: number;
  /** How long the broker knows an event again. Default 2 minutes; consumers do not rely on it. */
  readonly duplicateWindowMs?: number;
}

/** Time limit for connecting and for each request. */
const timeoutMs = 5_000;
const reconnectWaitMs = 250;
/** A broker that is gone without a word is noticed after three of these; the client's own take six minutes. */
const pingIntervalMs = 2_000;
const nanosPerMs = 1_000_000;
const defaultMaxAgeMs = 259_200_000;
const defaultDuplicateWindowMs = 120_000;

/** Connects; rejects when no server answers within 5 s. Lost connections are made again for ever. */
export async function connectNats(options: NatsOptions): Promise<NatsTransport> {
  const [{ connect, headers }, { jetstream, jetstreamManager }] = await Promise.all([
    import("@nats-io/transport-node"),
    import("@nats-io/jetstream"),
  ]);
  const { stream = "lyss-events", token } = options;
  const connection = await connect({
    servers: [...options.servers],
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    ...(token && { token: token.reveal() }),
  });
  const client = jetstream(connection, { timeout: timeoutMs });
  // Whether JetStream is there shows when the stream is ensured; a broker that is just starting does not say.
  const manager = await jetstreamManager(connection, { timeout: timeoutMs, checkAPI: false });
  return {
    stream,
    connection,
    client,
    manager,
    async ensureStream() {
      const known = await manager.streams.info(stream).catch((err: { readonly code?: number }) => {
        if (err.code === streamNotFound) return undefined;
        throw err;
      });
      if (known) return;
      await manager.streams.add({
        name: stream,
        subjects: [`${stream}.>`],
        storage: "file",
        retention: "limits",
        num_replicas: options.replicas ?? 1,
        max_age: (options.maxAgeMs ?? defaultMaxAgeMs) * nanosPerMs,
        duplicate_window: (options.duplicateWindowMs ?? defaultDuplicateWindowMs) * nanosPerMs,
      });
    },
    toSubject: (type) => `${stream}.${type}`,
    toHeaders(row) {
      const fields = headers();
      for (const [name, value] of Object.entries(toFields(row))) fields.set(name, value);
      return fields;
    },
    async close() {
      if (!connection.isClosed()) await connection.close();
    },
  };
}

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const streamNotFound = 10_059;

function toFields(row: LoggedEvent): Readonly<Record<string, string>> {
  return {
    "ce-specversion": "1.0",
    "ce-id": row.id,
    "ce-type": row.type,
    "ce-source": row.source,
    "ce-time": row.time.toISOString(),
    "ce-partitionkey": row.key,
    "ce-sequence": String(row.seq),
    ...(row.traceparent !== "" && { "ce-traceparent": row.traceparent }),
    ...(row.stream !== null && { "ce-stream": row.stream, "ce-revision": String(row.revision) }),
  };
}

/** A message as the event that it carries. Throws an Error for one that the relay did not write. */
export function toLoggedEvent(message: { readonly headers?: MsgHdrs | undefined; json<T>(): T }): LoggedEvent {
  const read = (name: string) => message.headers?.get(`ce-${name}`) ?? "";
  const id = read("id");
  const seq = read("sequence");
  if (id === "" || !/^\d{1,18}$/.test(seq)) throw new Error("a message is not an event of the log");
  const stream = read("stream");
  return {
    seq: BigInt(seq),
    id,
    type: read("type"),
    source: read("source"),
    key: read("partitionkey"),
    time: new Date(read("time")),
    data: message.json(),
    traceparent: read("traceparent"),
    stream: stream === "" ? null : stream,
    revision: stream === "" ? null : BigInt(read("revision")),
  };
}

import { withTimeLimit } from "../cache/time-limit.ts";
import type { Clock } from "../service/clock.ts";
import { type KafkaOptions, toBaseOptions } from "./kafka-client.ts";

export interface KafkaMessage {
  readonly key: string;
  readonly value: string;
}

/** Why a broker did not acknowledge messages. */
export class KafkaSendError extends Error {
  /** Kafka's name for it, such as `UNKNOWN_TOPIC_OR_PARTITION`; undefined where none answered. */
  readonly code: string | undefined;

  constructor(cause: unknown) {
    super("Kafka has not acknowledged messages", { cause });
    this.name = "KafkaSendError";
    this.code = nameOf(cause);
  }
}

/** A broker takes 1 MiB in one batch of a partition unless it is told otherwise. */
const sendLimitBytes = 655_360;

/**
 * Sends messages to a topic that is there, and resolves when all replicas have them. Rejects with a KafkaSendError, also after `limitMs`; some
 * may have arrived then, and a repeat sends them again. For what is sent now and then: it connects each time.
 */
export async function sendKafkaMessages(
  { servers, tls, sasl }: Pick<KafkaOptions, "servers" | "tls" | "sasl">,
  topic: string,
  messages: readonly KafkaMessage[],
  { clock, limitMs }: { readonly clock: Clock; readonly limitMs: number },
): Promise<void> {
  const kafka = await import("@platformatic/kafka");
  const base = toBaseOptions({ servers, topics: [], tls: tls ?? false, sasl });
  const producer = new kafka.Producer({ ...base, idempotent: true, acks: kafka.ProduceAcks.ALL });
  const sendAll = async () => {
    let part: { topic: string; key: Buffer; value: Buffer }[] = [];
    let bytes = 0;
    for (const { key, value } of messages) {
      const message = { topic, key: Buffer.from(key), value: Buffer.from(value) };
      if (part.length > 0 && bytes + message.value.length > sendLimitBytes) {
        await producer.send({ messages: part });
        part = [];
        bytes = 0;
      }
      part.push(message);
      bytes += message.value.length;
    }
    if (part.length > 0) await producer.send({ messages: part });
  };
  try {
    await withTimeLimit(clock, limitMs, sendAll(), () => {
      throw new Error(`Kafka has not acknowledged messages within ${limitMs} ms`);
    });
  } catch (err) {
    throw new KafkaSendError(err);
  } finally {
    void producer.close().catch(() => {});
  }
}

function nameOf(err: unknown): string | undefined {
  if (!(err instanceof Error)) return undefined;
  const { apiId, errors } = err as { apiId?: unknown; errors?: unknown };
  if (typeof apiId === "string" && /^[A-Z_]{1,60}$/.test(apiId)) return apiId;
  const inner: readonly unknown[] = Array.isArray(errors) ? [...errors, err.cause] : [err.cause];
  return inner.map(nameOf).find((it) => it !== undefined);
}

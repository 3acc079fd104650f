import type { Admin, BaseOptions } from "@platformatic/kafka";
import type { Secret } from "../config/secret.ts";
import type { Locale } from "../errors/failure.ts";
import type { Topic } from "./topic.ts";

export interface KafkaOptions {
  /** `host:port` of brokers of one cluster; the others are found through them. */
  readonly servers: readonly string[];
  /** Every type that is published needs one of them. */
  readonly topics: readonly Topic[];
  /** Copies of each message in topics that are made. Default 3, or as many as there are brokers. */
  readonly replicas?: number | undefined;
  readonly tls?: boolean;
  readonly sasl?: KafkaSasl | undefined;
  /** Refused unless they are what they are when left out: an event would be lost or doubled with anything else. */
  readonly producer?: KafkaProducerSettings;
  /** Groups are named `<prefix>.<service>.<subscription>`. Default "lyss". */
  readonly groupPrefix?: string;
  /** A node that says nothing for so long is taken for dead: others take over its partitions. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Headers that repeat a field of the data for programs that filter by it: `{ user_id: "userId" }`. */
  readonly dataHeaders?: Readonly<Record<string, string>>;
}

export interface KafkaSasl {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: string;
  readonly password: Secret;
}

/** Kafka's own producer settings, for those who want to see them in their configuration. */
export interface KafkaProducerSettings {
  /** `enable.idempotence`. */
  readonly idempotence?: boolean;
  /** `acks`. */
  readonly acks?: "all" | "1" | "0";
}

export type KafkaModule = typeof import("@platformatic/kafka");

/** Connecting to one broker, and one request. */
const connectTimeoutMs = 2_000;
const requestTimeoutMs = 5_000;

/**
 * What is wrong with producer settings; undefined when nothing is. Some clients turn idempotence off when other settings
 * conflict with it, and say nothing (KAFKA-13673); here nothing is turned off.
 */
export function findProducerConflict(
  settings: KafkaProducerSettings,
): { readonly setting: keyof KafkaProducerSettings; readonly text: Readonly<Record<Locale, string>> } | undefined {
  const { idempotence = true, acks = "all" } = settings;
  if (!idempotence) {
    const en_US = "must be true: a producer that repeats itself without it doubles and reorders events";
    return { setting: "idempotence", text: { en_US, zh_CN: "必须为 true：否则生产者重试时会使事件重复或乱序" } };
  }
  if (acks !== "all") {
    const en_US = `must be all, not ${acks}: idempotence needs it, and the broker would acknowledge what it can lose`;
    return {
      setting: "acks",
      text: { en_US, zh_CN: `必须为 all，而不是 ${acks}：幂等性需要它，否则代理会确认可能丢失的事件` },
    };
  }
  return undefined;
}

/** What every client of one process shares. */
export function toBaseOptions(options: KafkaOptions): BaseOptions {
  const { sasl, tls = false } = options;
  return {
    clientId: "lyss",
    bootstrapBrokers: [...options.servers],
    connectTimeout: connectTimeoutMs,
    timeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retries: 2,
    retryDelay: 200,
    autocreateTopics: false,
    ...(tls && { tls: {} }),
    ...(sasl && {
      sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password.reveal() },
    }),
  };
}

/** True when one of the errors inside an error of the client is the broker's of that name. */
export function isKafkaError({ findErrorBy }: KafkaModule, err: unknown, apiId: string): boolean {
  return err instanceof Error && findErrorBy(err, "apiId", apiId) !== null;
}

/** Number of brokers. Rejects when none answers. */
export async function countBrokers(admin: Admin): Promise<number> {
  return (await admin.metadata({ topics: [], forceUpdate: true })).brokers.size;
}

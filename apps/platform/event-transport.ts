import type { BrokerTransport } from "@lyss/kit/events/broker-transport.ts";
import { connectKafka } from "@lyss/kit/events/kafka-transport.ts";
import { connectNats, toNatsTopic } from "@lyss/kit/events/nats-transport.ts";
import { createPatientTransport } from "@lyss/kit/events/patient-transport.ts";
import { mapTypes, type Topic } from "@lyss/kit/events/topic.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { AnyService } from "@lyss/kit/service/define-service.ts";
import type { EventOptions } from "@lyss/kit/service/program.ts";
import type { EventsConfig } from "./events-config.ts";
import { dataHeaders, topics } from "./topics.ts";

/** The log outlives the broker's copies by so much: what a broker delivers again is then known to have been handled. */
const marginMs = 172_800_000;

/**
 * What boot is told of events. The broker need not be there yet: publishing and hearing begin when it comes. Throws a
 * TypeError when an event type of these services has no topic.
 */
export function openEvents(config: EventsConfig, services: readonly AnyService[]): EventOptions {
  if (config.transport === "postgres") return { keepMs: config.retentionMs };
  const declared = declaredTopics(config.transport);
  mapTypes(
    declared,
    services.flatMap(({ publishes }) => publishes.map(({ type }) => type)),
  );
  const keptMs = Math.max(...declared.map(({ retentionMs }) => retentionMs));
  return {
    keepMs: Math.max(config.retentionMs, keptMs + marginMs),
    transport: createPatientTransport({ name: config.transport, topics: declared }, () => connectBroker(config)),
  };
}

/** Connects to the broker that the configuration names. Rejects when it is away; throws a TypeError when none is named. */
export async function connectBroker(config: EventsConfig): Promise<BrokerTransport> {
  const { transport, servers, tls, token, sasl, replicas, producer } = config;
  if (transport === "postgres") throw new TypeError("events.transport names no broker");
  return transport === "nats"
    ? connectNats({ servers, tls, token, replicas })
    : connectKafka({ servers, topics, replicas, tls, sasl, producer, dataHeaders }, systemClock);
}

function declaredTopics(transport: "nats" | "kafka"): readonly Topic[] {
  return transport === "kafka" ? topics : [toNatsTopic({})];
}

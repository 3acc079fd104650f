import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "@lyss/kit/config/config-error.ts";
import { openEvents } from "./event-transport.ts";
import { loadPlatformConfig } from "./load-platform-config.ts";
import { services } from "./services.ts";

function load(env: Readonly<Record<string, string>>) {
  return loadPlatformConfig({ file: undefined, env, flags: {}, locale: "en_US" }).config.events;
}

function problemKeys(env: Readonly<Record<string, string>>): string[] {
  try {
    load(env);
    return [];
  } catch (err) {
    if (err instanceof ConfigError) return err.problems.map(({ key }) => key).sort();
    throw err;
  }
}

const kafka = { LYSS_EVENTS_TRANSPORT: "kafka", LYSS_EVENTS_SERVERS: "kafka-1:9092,[::1]:9093" };
const dayMs = 86_400_000;

test("without a section, events go through PostgreSQL and are kept for 30 days", () => {
  const events = load({});
  assert.equal(events.transport, "postgres");
  assert.deepEqual(openEvents(events, services), { keepMs: 30 * dayMs });
});

test("the log keeps events for two days longer than a broker does", () => {
  assert.equal(openEvents(load({ ...kafka, LYSS_EVENTS_RETENTION_MS: "1h" }), services).keepMs, 32 * dayMs);
  assert.equal(openEvents(load({ ...kafka, LYSS_EVENTS_RETENTION_MS: "50d" }), services).keepMs, 50 * dayMs);
});

test("D6: a configuration that turns idempotence off, or conflicts with it, is refused", () => {
  assert.deepEqual(problemKeys({ ...kafka, LYSS_EVENTS_PRODUCER_IDEMPOTENCE: "false" }), [
    "events.producer.idempotence",
  ]);
  for (const acks of ["0", "1"]) {
    assert.deepEqual(problemKeys({ ...kafka, LYSS_EVENTS_PRODUCER_ACKS: acks }), ["events.producer.acks"]);
  }
  assert.deepEqual(
    problemKeys({ ...kafka, LYSS_EVENTS_PRODUCER_IDEMPOTENCE: "true", LYSS_EVENTS_PRODUCER_ACKS: "all" }),
    [],
  );
});

test("settings that belong to another transport, and servers that are none, are refused by name", () => {
  assert.deepEqual(problemKeys({ LYSS_EVENTS_TRANSPORT: "nats" }), ["events.servers"]);
  assert.deepEqual(problemKeys({ LYSS_EVENTS_SERVERS: "a:1" }), ["events.servers"]);
  assert.deepEqual(problemKeys({ ...kafka, LYSS_EVENTS_TOKEN: "t" }), ["events.token"]);
  for (const server of ["kafka", "kafka:0", "kafka:65536", "http://kafka:9092", "a b:1"]) {
    assert.deepEqual(problemKeys({ ...kafka, LYSS_EVENTS_SERVERS: server }), ["events.servers.0"], server);
  }
});

test("a password is not sent in the clear", () => {
  const login = { LYSS_EVENTS_SASL_USERNAME: "u", LYSS_EVENTS_SASL_PASSWORD: "p", LYSS_EVENTS_SASL_MECHANISM: "PLAIN" };
  assert.deepEqual(problemKeys({ ...kafka, ...login }), ["events.sasl.mechanism"]);
  assert.deepEqual(problemKeys({ ...kafka, ...login, LYSS_EVENTS_TLS: "true" }), []);
  assert.equal(JSON.stringify(load({ ...kafka, ...login, LYSS_EVENTS_TLS: "true" })).includes('"p"'), false);
});

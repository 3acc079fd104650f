import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connectKafka } from "@lyss/kit/events/kafka-transport.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { Admin, Consumer, stringDeserializers } from "@platformatic/kafka";
import { runLyss } from "../../run-lyss.ts";
import { requestJson, runPlatform } from "../../run-platform.ts";
import { startKafka } from "./kafka-broker.ts";
import { toTestTopic } from "./test-topic.ts";

const limits = { timeout: 120_000 };
const broker = await startKafka({ after });
const config = { events: { transport: "kafka", servers: [broker.address] } };
const dir = mkdtempSync(join(tmpdir(), "lyss-topics-"));
after(async () => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, "lyss.yaml");
writeFileSync(file, JSON.stringify(config));

/** Runs `lyss events` with these arguments and the configuration above. */
function runEvents(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return runLyss(["events", ...args, "--config", file], env);
}

async function withAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [broker.address] });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

test(
  "topics are set up once, as declared; what differs is told, and partitions are added only when asked",
  limits,
  async () => {
    const dry = await runEvents(["topics", "setup", "--dry-run", "--json"]);
    assert.deepEqual(
      JSON.parse(dry.output).map(({ topic, state }: { topic: string; state: string }) => [topic, state]),
      ["llm.requests", "llm.billing", "llm.events", "llm.metrics"].map((topic) => [topic, "missing"]),
    );
    assert.equal((await runEvents(["topics", "--json"])).output.trim(), "[]", "a dry run makes nothing");

    assert.match((await runEvents(["topics", "setup"])).output, /llm\.requests +created +6 partitions/);
    assert.equal((await runEvents(["topics", "setup"])).output, "All topics are as declared.\n");
    const list = JSON.parse((await runEvents(["topics", "--json"])).output);
    assert.deepEqual(
      list.map((it: Record<string, unknown>) => [it["name"], it["partitions"], it["replicas"], it["underReplicated"]]),
      [
        ["llm.requests", 6, 1, 0],
        ["llm.billing", 3, 1, 0],
        ["llm.events", 3, 1, 0],
        ["llm.metrics", 1, 1, 0],
      ],
    );
    const days = list.map(({ retentionMs }: { retentionMs: number }) => retentionMs / 86_400_000);
    assert.deepEqual(days, [7, 30, 3, 1]);

    await withAdmin(async (admin) => {
      await admin.deleteTopics({ topics: ["llm.billing", "llm.metrics"] });
      await waitUntil(async () => !(await admin.listTopics()).includes("llm.metrics"));
      await admin.createTopics({ topics: ["llm.billing"], partitions: 1, replicas: 1 });
      await admin.createTopics({ topics: ["llm.metrics"], partitions: 2, replicas: 1 });
    });
    const second = await runEvents(["topics", "setup"]);
    assert.match(second.output, /llm\.billing +needs --yes +1 partitions, declared are 3/);
    assert.match(second.output, /llm\.billing +differs +retention: 604800000 ms, wanted: 2592000000 ms/);
    assert.match(second.output, /llm\.metrics +differs +partitions: 2, wanted: 1/);
    assert.match(
      (await runEvents(["topics", "setup", "--yes"])).output,
      /llm\.billing +partitions added +1 before, 3 now/,
    );
  },
);

test("a broker that is away, and a transport that has no topics, are told in one line", limits, async () => {
  const away = await runEvents(["topics"], { LYSS_EVENTS_SERVERS: "127.0.0.1:1" });
  assert.deepEqual(
    [away.code, away.complaint],
    [1, "lyss: No kafka broker can be used at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1\n"],
  );
  const none = await runEvents(["topics"], { LYSS_EVENTS_TRANSPORT: "postgres", LYSS_EVENTS_SERVERS: "" });
  assert.match(none.complaint, /^lyss: /);
  assert.equal(none.code, 1);
});

test(
  "D6: a platform whose configuration turns idempotence off does not start, and says which key it is",
  limits,
  async (t) => {
    const starting = runPlatform(t, { config: { events: { ...config.events, producer: { idempotence: false } } } });
    await assert.rejects(starting, /events\.producer\.idempotence = false: must be true/);
  },
);

test("D6: a transport with producer settings that conflict is not opened", async () => {
  const options = { servers: [broker.address], topics: [toTestTopic("t")] };
  await assert.rejects(
    connectKafka({ ...options, producer: { idempotence: false } }, systemClock),
    /idempotence must be/,
  );
  await assert.rejects(connectKafka({ ...options, producer: { acks: "1" } }, systemClock), /acks must be all, not 1/);
});

test("a platform's events reach their topics as CloudEvents, by key, with whom they are about", limits, async (t) => {
  const platform = await runPlatform(t, { config });
  const made = await requestJson(`${platform.url}/v1/keys`, platform.apiKey, { body: { name: "for Kafka" } });
  const keyId = String(made.body["id"]);

  const consumer = new Consumer({
    ...{ clientId: "test", bootstrapBrokers: [broker.address], groupId: "other-program" },
    deserializers: stringDeserializers,
  });
  const stream = await consumer.consume({ topics: ["llm.events"], mode: "earliest" });
  for await (const { key, value, headers } of stream) {
    if (key !== keyId) continue;
    const data = JSON.parse(value);
    assert.equal(data.keyId, keyId);
    assert.equal(headers.get("content-type"), "application/json");
    assert.equal(headers.get("event_type"), "key.created");
    assert.equal(headers.get("tenant_id"), data.tenantId);
    assert.equal(headers.get("user_id"), data.userId);
    assert.equal(headers.get("ce_specversion"), "1.0");
    assert.equal(headers.get("ce_type"), "key.created");
    assert.equal(headers.get("ce_source"), "auth");
    assert.equal(headers.get("ce_partitionkey"), keyId);
    assert.match(headers.get("ce_id") ?? "", /^evt_/);
    assert.ok([...headers].flat().join("").length + keyId.length < 500, "as the capacity planner takes it");
    break;
  }
  await consumer.close(true);
  const ready = await requestJson(`${platform.url}/health/ready`, "");
  const checks = ready.body["checks"] as Record<string, { healthy: boolean }>;
  assert.equal(checks["events.relay"]?.healthy, true);
});

test("a key lies in the partition that Kafka's own clients choose", limits, async (t) => {
  const topic = { ...toTestTopic("test-partitions"), partitions: 7 };
  const transport = await connectKafka({ servers: [broker.address], topics: [topic] }, systemClock);
  t.after(transport.close);
  await transport.findEnds();
  // From Kafka's own test of murmur2: clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java.
  const hashes = {
    "21": -973_932_308,
    foobar: -790_332_482,
    "a-little-bit-long-string": -985_981_536,
    abc: 479_470_107,
  };
  for (const [index, [key, hash]] of Object.entries(hashes).entries()) {
    const seq = BigInt(index + 1);
    const row = { seq, id: `evt_${index}`, type: "test.said", source: "test", key, time: new Date(0), data: {} };
    const ends = await transport.publish(
      [{ ...row, traceparent: "", stream: null, revision: null, operator: "" }],
      true,
    );
    assert.deepEqual([...ends], [[`test-partitions/${(hash & 0x7f_ff_ff_ff) % 7}`, seq]]);
  }
});

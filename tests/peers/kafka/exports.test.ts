import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { exportSchema } from "@lyss/services/ai-gateway/exports/export.ts";
import { sendBatch } from "@lyss/services/ai-gateway/exports/sender.ts";
import { testRecord } from "@lyss/services/ai-gateway/exports/test-record.ts";
import { Admin, Consumer } from "@platformatic/kafka";
import { startKafka } from "./kafka-broker.ts";

const broker = await startKafka({ after });
const topic = `records-${randomBytes(4).toString("hex")}`;
const base = { clientId: "test", bootstrapBrokers: [broker.address] };
const fetch = () => assert.fail("Kafka is no HTTP");

test("records of calls are messages of their topic, by the call's id; a topic that is not there is not made", async () => {
  const specOf = (name: string) =>
    exportSchema.parse({ kind: "kafka", servers: [broker.address], topic: name, tls: false });
  const records = [1, 2, 3].map((n) => ({ ...testRecord("ten_1", "2026-01-01T00:00:00.000Z"), id: `call_${n}` }));
  const batch = { records, name: "b" };
  await assert.rejects(sendBatch({ fetch, clock }, specOf("no-such-topic"), undefined, batch), /are not taken/);
  const admin = new Admin(base);
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
  await admin.close();
  assert.deepEqual(await sendBatch({ fetch, clock }, specOf(topic), undefined, batch), { rejected: 0 });
  const consumer = new Consumer({ ...base, groupId: topic });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
  const read: [string, unknown][] = [];
  for await (const { key, value } of stream) {
    const { id } = JSON.parse(value.toString());
    read.push([key.toString(), id]);
    if (read.length === records.length) break;
  }
  await consumer.close(true);
  assert.deepEqual(
    read,
    records.map(({ id }) => [id, id]),
  );
});

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { connectKafka } from "@lyss/kit/events/kafka-transport.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { testBroker } from "@lyss/kit/testing/broker-contract.ts";
import { Admin } from "@platformatic/kafka";
import { startKafka } from "./kafka-broker.ts";
import { toTestTopic } from "./test-topic.ts";

const relayProcess = fileURLToPath(new URL("./relay-process.ts", import.meta.url));
// One broker for all, as it takes seconds to start; each test has a topic and groups of its own.
const broker = await startKafka({ after });

testBroker("Kafka", async (scope) => {
  // A test that failed may have left it dead.
  await broker.start();
  const name = `test-${randomBytes(4).toString("hex")}`;
  const options = {
    servers: [broker.address],
    topics: [toTestTopic(name)],
    groupPrefix: name,
    sessionTimeoutMs: 3_000,
  };
  const transport = await connectKafka(options, systemClock);
  scope.after(transport.close);
  return {
    transport,
    kill: broker.kill,
    start: broker.start,
    wipe: broker.wipe,
    async drop() {
      const admin = new Admin({ clientId: "test", bootstrapBrokers: [broker.address] });
      await admin.deleteTopics({ topics: [name] });
      await admin.close();
    },
    spawnRelay: (adminUrl) =>
      spawn(process.execPath, [relayProcess, adminUrl, broker.address, name], { stdio: "ignore" }),
  };
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectNats } from "@lyss/kit/events/nats-transport.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { runLyss } from "../../run-lyss.ts";
import { requestJson, runPlatform } from "../../run-platform.ts";
import { startNats } from "./nats-server.ts";

const limits = { timeout: 120_000 };

test("lyss events topics makes and shows the one stream that NATS has", limits, async (t) => {
  const server = await startNats(t);
  const env = { LYSS_EVENTS_TRANSPORT: "nats", LYSS_EVENTS_SERVERS: server.address };
  assert.equal((await runLyss(["events", "topics", "--json"], env)).output, "[]\n");
  assert.match((await runLyss(["events", "topics", "setup"], env)).output, /lyss-events +created/);
  assert.equal((await runLyss(["events", "topics", "setup"], env)).output, "All topics are as declared.\n");
  const [stream] = JSON.parse((await runLyss(["events", "topics", "--json"], env)).output);
  assert.deepEqual(stream, {
    ...{ name: "lyss-events", partitions: 1, replicas: 1, underReplicated: 0, messages: 0 },
    ...{ retentionMs: 259_200_000, groups: [] },
  });
});

test("a platform's events reach the stream, and its readiness shows the relay", limits, async (t) => {
  const server = await startNats(t);
  const platform = await runPlatform(t, { config: { events: { transport: "nats", servers: [server.address] } } });
  await requestJson(`${platform.url}/v1/keys`, platform.apiKey, { body: { name: "for NATS" } });
  const transport = await connectNats({ servers: [server.address] });
  t.after(transport.close);
  await waitUntil(async () => {
    const message = await transport.manager.streams
      .getMessage(transport.stream, { last_by_subj: "lyss-events.key.created" })
      .catch(() => undefined);
    return message?.header.get("ce-source") === "auth";
  });
  const { body } = await requestJson(`${platform.url}/health/ready`, "");
  const checks = body["checks"] as Record<string, { healthy: boolean }>;
  assert.equal(checks["events.relay"]?.healthy, true);
});

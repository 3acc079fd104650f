import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../service/ids.ts";
import { openEventNode, opened, say } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createCache } from "./cache.ts";
import { createEventLogBus } from "./event-log-bus.ts";

test("what one node forgets, the others forget through the event log within a second", async (t) => {
  const first = await openEventNode(t);
  const nodes = [first, await openEventNode(t, { adminUrl: first.adminUrl })];
  const clock = createFakeClock();
  const caches = await Promise.all(
    nodes.map(async ({ hear, writerDb }) => {
      const { bus, subscription } = createEventLogBus({
        name: "forget",
        event: opened,
        marksOf: ({ value }) => JSON.parse(value),
        append: (marks) => say(writerDb, opened, JSON.stringify(marks)),
      });
      await hear([subscription]);
      const bounds = { ttlMs: 3_600_000, maxEntries: 10, driverTimeoutMs: 60_000 };
      return createCache<string>({ name: "names", clock, random: createRandom(clock), bus, ...bounds });
    }),
  );
  for (const cache of caches) await cache.get("a", async () => "old");

  const startMs = performance.now();
  await caches[0]?.forget("a");
  await waitUntil(async () => (await caches[1]?.get("a", async () => "new")) === "new");
  assert.ok(performance.now() - startMs < 1_000);
});

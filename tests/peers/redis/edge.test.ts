import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startRedis } from "@lyss/kit/testing/redis-server.ts";
import { requestJson, runPlatform } from "../../run-platform.ts";

const redis = await startRedis({ after });
const dataDir = mkdtempSync(join(tmpdir(), "lyss-redis-edge-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const config = {
  redis: { url: `redis://127.0.0.1:${redis.port}` },
  rateLimits: { perKey: { limit: 6, windowMs: "1d" }, processes: 2 },
};
const first = await runPlatform({ after }, { dataDir, config });
const nodes = [first, await runPlatform({ after }, { dataDir, config })];

/** How many of `count` requests to each node, in turns, are let in. */
async function countAllowed(count: number): Promise<number> {
  let allowed = 0;
  for (let i = 0; i < count; i++) {
    for (const { url } of nodes) {
      if ((await requestJson(`${url}/v1/models`, first.apiKey)).status === 200) allowed++;
    }
  }
  return allowed;
}

test("two nodes let through together what one limit allows", async () => {
  const allowed = await countAllowed(6);
  // A take that Redis answers too late is decided by the node's own share of 3, and counts in both places.
  assert.ok(allowed >= 6 && allowed < 12, `${allowed} of 12`);
  const answer = await requestJson(`${first.url}/v1/models`, first.apiKey);
  assert.equal(answer.status, 429);
});

test("with Redis gone each keeps to its share, and says so", async () => {
  await redis.kill();
  const allowed = await countAllowed(6);
  assert.ok(allowed <= 6, `${allowed} let in by two shares of 3`);
  for (const { url } of nodes) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.ok(metrics.includes("edge_limits_alone 1"));
  }
});

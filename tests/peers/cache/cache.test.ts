import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, type TestContext, test } from "node:test";
import { createCache } from "@lyss/kit/cache/cache.ts";
import { runDriverContract } from "@lyss/kit/cache/driver-contract.ts";
import { createRedisBus } from "@lyss/kit/cache/redis-bus.ts";
import { createRedisDriver } from "@lyss/kit/cache/redis-driver.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { type RedisServer, startRedis } from "@lyss/kit/testing/redis-server.ts";
import { Redis } from "ioredis";

const clock = systemClock;
const random = createRandom(clock);
const redis = await startRedis({ after });
const urlOf = ({ port }: RedisServer) => `redis://127.0.0.1:${port}`;
let prefixes = 0;

async function openDriver(t: Pick<TestContext, "after">, server: RedisServer = redis, prefix = `test${++prefixes}:`) {
  const driver = await createRedisDriver({ url: urlOf(server), prefix });
  t.after(() => driver.close());
  return driver;
}

/** A node as a process has it: connections of its own. */
async function openNode(t: TestContext, server: RedisServer, prefix: string) {
  const driver = await openDriver(t, server, prefix);
  const bus = await createRedisBus({ url: urlOf(server), prefix });
  t.after(() => bus.close());
  return createCache<string>({ name: "names", clock, random, ttlMs: 600_000, maxEntries: 1_000, driver, bus });
}

const loads = (value: string) => async () => value;
const fails = async () => {
  throw new Error("the source is away");
};

async function until(isTrue: () => boolean | Promise<boolean>): Promise<number> {
  const startMs = performance.now();
  while (!(await isTrue())) await new Promise((resolve) => setImmediate(resolve));
  return performance.now() - startMs;
}

runDriverContract("the Redis driver", { open: openDriver, pass: (ms) => delay(clock, ms) });

test("a value loaded on one node is there on all, and forgotten on all within a second", async (t) => {
  const nodes = await Promise.all([1, 2, 3, 4].map(() => openNode(t, redis, "four:")));
  await nodes[0]?.get("a", loads("old"), { tags: ["t"] });
  for (const node of nodes) assert.equal(await node.get("a", fails, { tags: ["t"] }), "old");
  await nodes[0]?.forgetTags("t");
  const tookMs = await until(async () => {
    const seen = await Promise.all(nodes.map((node) => node.get("a", loads("new"), { tags: ["t"] })));
    return seen.every((value) => value === "new");
  });
  assert.ok(tookMs < 1_000, `took ${tookMs} ms`);
});

test("FLUSHALL in the middle costs loads and no wrong value, 20 times (B16)", async (t) => {
  const node = await openNode(t, redis, "flush:");
  const admin = new Redis(urlOf(redis));
  t.after(() => admin.disconnect());
  for (let version = 0; version < 20; version++) {
    await node.get("a", loads(`${version}`));
    await admin.flushall();
    assert.equal(await node.get("a", fails), `${version}`);
    await node.forget("a");
    const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`);
    const values = await Promise.all(keys.map((key) => node.get(`${key} ${version}`, loads(key))));
    assert.deepEqual(values, keys);
  }
});

test("a Redis that dies or hangs delays one call a second by 50 ms and fails none; then it is used again (B17)", async (t) => {
  const own = await startRedis(t);
  const node = await openNode(t, own, "gone:");
  await node.get("a", loads("a"));
  for (const [breakDown, mend] of [
    [own.freeze, async () => own.thaw()],
    [own.kill, own.start],
  ] as const) {
    await breakDown();
    const startMs = performance.now();
    for (let i = 0; i < 200; i++) assert.equal(await node.get(`${breakDown.name} ${i}`, loads("x")), "x");
    await node.forget("a");
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 1_000, `200 loads took ${tookMs} ms`);
    await mend();
    assert.equal(await node.get("a", loads("a")), "a");
  }
  // In use again: what one node loads, another finds.
  const other = await openNode(t, own, "gone:");
  let tries = 0;
  await until(async () => {
    const key = `back ${tries++}`;
    await delay(clock, 50);
    await node.get(key, loads("shared"));
    await delay(clock, 5);
    return (await other.get(key, loads("own"))) === "shared";
  });
});

test("a Redis that dies again as soon as it is back ends no process, and is listened to when it stays", async (t) => {
  let isCutting = false;
  let cuts = 0;
  const proxy = createServer((client) => {
    const server = connect(redis.port, "127.0.0.1");
    const end = () => {
      for (const one of [client, server]) one.destroy();
    };
    for (const one of [client, server]) one.on("error", () => {}).on("close", end);
    client.on("data", (bytes) => {
      if (isCutting && bytes.includes("subscribe")) {
        cuts++;
        client.destroy();
      } else {
        server.write(bytes);
      }
    });
    server.pipe(client);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  const port = (proxy.address() as AddressInfo).port;
  const bus = await createRedisBus({ url: `redis://127.0.0.1:${port}`, prefix: "cut:" });
  t.after(() => bus.close());
  const other = await createRedisBus({ url: urlOf(redis), prefix: "cut:" });
  t.after(() => other.close());
  let heard = 0;
  bus.subscribe(
    () => {
      heard++;
    },
    () => {},
  );
  const admin = new Redis(urlOf(redis));
  t.after(() => admin.disconnect());
  isCutting = true;
  await admin.client("KILL", "TYPE", "pubsub");
  await until(() => cuts >= 5);
  isCutting = false;
  await until(async () => {
    await other.publish(["m"]).catch(() => undefined);
    return heard > 0;
  });
});

test("a node that was cut off while others forgot drops what it had", async (t) => {
  const own = await startRedis(t);
  const [one, two] = [await openNode(t, own, "gap:"), await openNode(t, own, "gap:")];
  await one.get("a", loads("old"));
  await two.get("a", loads("old"));
  await own.kill();
  await one.forget("a");
  assert.equal(two.get("a", fails), "old");
  await own.start();
  const tookMs = await until(async () => (await two.get("a", loads("new"))) === "new");
  assert.ok(tookMs < 5_000, `took ${tookMs} ms`);
});

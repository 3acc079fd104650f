import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { aiGateway } from "../service.ts";
import { type CachedRow, createCacheStore } from "./cache-store.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { db, ops } = service;
const store = createCacheStore(db);
const now = new Date(1_000_000);

const rowOf = (n: number, more: Partial<CachedRow> = {}): CachedRow => ({
  ...{ tenantId: "ten_1", requestHash: Buffer.from([n]), ownerId: `usr_${n}`, callId: `call_${n}`, provider: "p" },
  ...{ model: "m", usage: { input: "1" }, contentType: "application/json", answer: Buffer.alloc(100, n) },
  ...{ createdAt: new Date(n), expiresAt: new Date(2_000_000), ...more },
});
const put = (row: CachedRow) => db.transaction((tx) => store.put(tx, row));
const kept = async (tenantId = "ten_1") => {
  const all = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => store.find({ tenantId, requestHash: Buffer.from([n]) }, now)),
  );
  return all.flatMap((row) => (row ? [row.callId] : []));
};

test("a tenant keeps so many answers and bytes, the newest; another's are as if there were none", async () => {
  for (const n of [1, 2, 3, 4, 5]) await put(rowOf(n));
  await put(rowOf(1, { tenantId: "ten_2", ownerId: "usr_9", callId: "theirs" }));
  await db.transaction((tx) => store.trim(tx, "ten_1", { answers: 4, bytes: 10_000 }));
  assert.deepEqual(await kept(), ["call_2", "call_3", "call_4", "call_5"]);
  await db.transaction((tx) => store.trim(tx, "ten_1", { answers: 4, bytes: 299 }));
  assert.deepEqual(await kept(), ["call_4", "call_5"]);
  assert.deepEqual(await store.sizeOf("ten_1", now), { answers: 2, bytes: 200 });
  assert.deepEqual(await kept("ten_2"), ["theirs"]);
});

test("what a person asked first goes with them, what has expired is not given, and a purge is one tenant's", async () => {
  await put(rowOf(1, { expiresAt: now }));
  const shown = await db.transaction((tx) => ops.exportPerson(tx, { userId: "usr_4", tenantId: "ten_1" }));
  assert.equal(shown.cached_answers.length, 1);
  await db.transaction((tx) => ops.forgetPerson(tx, { userId: "usr_4", tenantId: "ten_1" }));
  assert.deepEqual(await kept(), ["call_5"]);
  assert.equal(await store.deleteExpired(now, 10), 1);
  assert.equal(await ops.purgeCache("ten_1"), 1);
  assert.deepEqual([await kept(), await kept("ten_2")], [[], ["theirs"]]);
});

test("a tenant's word on one node counts on another within two seconds", async () => {
  const node = await service.startNode();
  await service.hear();
  const startMs = performance.now();
  await node.ops.putCachePolicy({ tenantId: "ten_1", maxAgeSeconds: 60, keys: [] });
  await waitUntil(async () => (await ops.getCache("ten_1").catch(() => undefined))?.policy.maxAgeSeconds === 60);
  assert.ok(performance.now() - startMs < 2_000);
  const events = (await service.listEvents()).filter(({ type }) => type === "cache_policy.changed");
  assert.deepEqual(
    events.map(({ key }) => key),
    ["ten_1"],
  );
});

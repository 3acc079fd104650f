import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import type { Target } from "../model.ts";
import { aiGateway } from "../service.ts";
import { toUnitVector } from "../vectors/unit-vector.ts";
import { type CachedRow, createCacheStore } from "./cache-store.ts";
import { createSemanticIndex } from "./semantic-index.ts";

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
  await node.ops.putCachePolicy({ tenantId: "ten_1", maxAgeSeconds: 60, keys: [], scope: "tenant", semantic: null });
  await waitUntil(async () => (await ops.getCache("ten_1").catch(() => undefined))?.policy.maxAgeSeconds === 60);
  assert.ok(performance.now() - startMs < 2_000);
  const events = (await service.listEvents()).filter(({ type }) => type === "cache_policy.changed");
  assert.deepEqual(
    events.map(({ key }) => key),
    ["ten_1"],
  );
});

const model = { provider: { providerId: "prv_1" }, model: { upstreamName: "e" } } as unknown as Target;
const unit = (...numbers: number[]) => toUnitVector(numbers) as Float32Array;

test("the nearest is of the same tenant, rest, model and length, of its age, and there", async () => {
  const key = Buffer.alloc(32, 3);
  const random = { bytes: (size: number) => Buffer.alloc(size, 1) } as Random;
  const index = createSemanticIndex({ store, random, key });
  const asked = { tenantId: "ten_5", restHash: Buffer.from("rest") };
  const at = (vector: Float32Array, more: object = {}) => index.placeOf({ ...asked, ...more }, model, vector);
  const keep = (n: number, place: ReturnType<typeof at>, more: Partial<CachedRow> = {}) => {
    const named = { tenantId: place.tenantId, requestHash: Buffer.from([n]), bucketHash: place.bucketHash };
    return put(rowOf(n, { ...named, vector: index.seal(place, named.requestHash), ...more }));
  };
  const find = (place: ReturnType<typeof at>, since = new Date(0)) => index.findNearest(place, since, now);

  await keep(1, at(unit(1, 0, 0)));
  await keep(2, at(unit(1, 1, 0)));
  await keep(3, at(unit(0, 1, 0)), { expiresAt: now });
  const nearest = await find(at(unit(1, 0.9, 0)));
  assert.deepEqual([nearest?.requestHash, (nearest?.similarity ?? 0).toFixed(4)], [Buffer.from([2]), "0.9986"]);
  assert.deepEqual(await find(at(unit(3, 0, 0))), { requestHash: Buffer.from([1]), similarity: 1 });
  assert.equal((await find(at(unit(0, 1, 0))))?.requestHash[0], 2, "what has expired is not found");
  assert.equal(await find(at(unit(1, 0, 0)), new Date(2)), undefined, "nor what is older than is wanted");

  const others = [
    at(unit(1, 0, 0), { tenantId: "ten_6" }),
    at(unit(1, 0, 0), { restHash: Buffer.from("other") }),
    at(unit(1, 0, 0, 0)),
    index.placeOf(asked, { ...model, provider: { providerId: "prv_2" } } as unknown as Target, unit(1, 0, 0)),
  ];
  for (const other of others) assert.equal(await find(other), undefined);
  // A row of another tenant under the same name: not even its sealed bytes are of use.
  const theirs = others[0] as ReturnType<typeof at>;
  await put(
    rowOf(1, {
      tenantId: "ten_6",
      bucketHash: theirs.bucketHash,
      vector: index.seal(at(unit(1, 0, 0)), Buffer.from([1])),
    }),
  );
  assert.equal(await find(theirs), undefined);

  await store.purge("ten_5");
  assert.equal(await find(at(unit(1, 0, 0))), undefined, "what is forgotten is not found in memory");
});

test("what is no vector is none, and a whole answer anew keeps what it is compared by", async () => {
  for (const wrong of [[], [0, 0], ["1"], [Number.NaN], "1,2", undefined, Array(4_097).fill(1)]) {
    assert.equal(toUnitVector(wrong), undefined);
  }
  const named = { tenantId: "ten_7", bucketHash: Buffer.from("b") };
  await put(rowOf(1, { ...named, vector: Buffer.from("v") }));
  await put(rowOf(1, { tenantId: "ten_7", callId: "anew" }));
  const hashes = await store.listBucket(named, { since: new Date(0), now, limit: 10 });
  assert.deepEqual(
    [...(await store.listVectors(named, hashes))],
    [{ requestHash: Buffer.from([1]), vector: Buffer.from("v") }],
  );
  assert.deepEqual(await store.sizeOf("ten_7", now), { answers: 1, bytes: 101 });
});

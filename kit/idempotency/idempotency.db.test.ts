import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { openTestCluster } from "../testing/postgres.ts";
import { deriveTestKey } from "../testing/test-cluster.ts";
import { canonicalText } from "./canonical-text.ts";
import { createIdempotency } from "./idempotency.ts";

const cluster = await openTestCluster({ after }, [
  { name: "shop", migrations: new URL("./testdata/shop/", import.meta.url) },
]);
const db = cluster.open("shop");
const clock = createFakeClock();
const random = createRandom(clock);
const idempotency = createIdempotency({ db, clock, random, key: deriveTestKey("shop.idempotency") });
beforeEach(() =>
  db.transaction(async (tx) => {
    await tx`delete from sale`;
    await tx`delete from idempotency_key`;
  }),
);

interface Asked {
  readonly key?: string;
  readonly item?: string;
  readonly scope?: string;
  readonly operation?: string;
  readonly before?: () => Promise<void>;
}

/** Sells an item for a call that came with the key. */
function sell({ key = "key-1", item = "tea", scope = "ten_1", operation = "sell", before }: Asked = {}) {
  const context = { ...fromContextHeaders(() => undefined, clock), idempotencyKey: key === "" ? undefined : key };
  return runInContext(context, () =>
    idempotency.run({ operation, scope, input: { item } }, async (tx) => {
      const saleId = random.id("sal");
      await tx`insert into sale (sale_id, item) values (${saleId}, ${item})`;
      await before?.();
      return { saleId, secret: "shown once", at: new Date(clock.nowMs()), nanos: 1n };
    }),
  );
}

const countSales = async () => (await db.sql<{ count: number }[]>`select count(*)::int from sale`)[0]?.count;

test("the same key and request again get the first answer, types and all, and nothing is done twice", async () => {
  const first = await sell();
  clock.advance(86_399_999);
  assert.deepEqual(await sell(), first);
  assert.equal(await countSales(), 1);
});

test("another request with the key is a conflict: other input, or another operation", async () => {
  await sell();
  for (const other of [{ item: "coffee" }, { operation: "give" }]) {
    await assert.rejects(sell(other), (err) => isFailure(err, kitFailures.idempotency_conflict));
  }
  assert.equal(await countSales(), 1);
});

test("while the first is under way its repeat is told to come back, and then gets its answer", async () => {
  const running = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const first = sell({
    before() {
      running.resolve();
      return go.promise;
    },
  });
  await running.promise;
  await assert.rejects(sell(), (err) => isFailure(err, kitFailures.idempotency_in_flight) && err.type.isRetryable);
  go.resolve();
  const answer = await first;
  assert.deepEqual(await sell(), answer);
  assert.equal(await countSales(), 1);
});

test("a request that fails leaves neither effect nor answer, and its repeat is served", async () => {
  await assert.rejects(sell({ before: () => Promise.reject(new Error("no stock")) }), /no stock/);
  assert.equal(await countSales(), 0);
  await sell();
  assert.equal(await countSales(), 1);
});

test("tenants have nothing to do with each other's keys, and without a key every request counts", async () => {
  const one = await sell({ scope: "ten_1" });
  const other = await sell({ scope: "ten_2", item: "coffee" });
  assert.notEqual(one.saleId, other.saleId);
  await sell({ key: "" });
  await sell({ key: "" });
  assert.equal(await countSales(), 4);
});

test("after 24 h a key is new again, and the sweep forgets what has expired and nothing else", async () => {
  const first = await sell();
  clock.advance(86_400_000);
  const again = await sell({ item: "coffee" });
  assert.notEqual(again.saleId, first.saleId);
  await sell({ key: "key-2" });
  clock.advance(86_400_000);
  await sell({ key: "key-3" });
  await idempotency.sweep.run(new AbortController().signal);
  const rows = await db.sql<{ key: string }[]>`select key from idempotency_key`;
  assert.deepEqual(
    rows.map(({ key }) => key),
    ["key-3"],
  );
});

test("a stored answer cannot be read from the table, and one that was changed is not given", async () => {
  await sell();
  const [row] = await db.sql<{ answer: Buffer; requestHash: Buffer }[]>`
    select answer, request_hash as "requestHash" from idempotency_key`;
  assert.ok(row && !row.answer.includes("shown once"));
  await db.transaction(async (tx) => void (await tx`update idempotency_key set answer = ${Buffer.alloc(64)}`));
  await assert.rejects(sell(), /does not open/);
});

test("one text for what says the same, another for what does not, and none for what is no data", () => {
  assert.equal(canonicalText({ b: [1n, null], a: "x", c: undefined }), canonicalText({ a: "x", b: [1n, null] }));
  const values = [
    1,
    "1",
    1n,
    null,
    [1],
    { a: 1 },
    { a: "1" },
    new Date(0),
    "1970-01-01T00:00:00.000Z",
    Buffer.from("1"),
    true,
  ];
  assert.equal(new Set(values.map((value) => canonicalText(value))).size, values.length);
  for (const bad of [undefined, () => 1, Symbol("x"), new Map(), { a: new URL("http://a") }]) {
    assert.throws(() => canonicalText(bad), TypeError);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { everyone, type Price, type PriceHistory } from "@lyss/services/billing/prices/price.ts";
import type { PriceStore } from "@lyss/services/billing/prices/price-store.ts";
import { listPriceVersions, type PutPricesInput, putPrices } from "@lyss/services/billing/prices/put-prices.ts";

const startMs = Date.UTC(2026, 2, 10);
const rates = (input: bigint) => ({ rates: { input } });

/** A price book in memory, of which `scheduled` are the versions that a later time has. */
function start() {
  const clock = createFakeClock(startMs);
  const versions: Price[] = [];
  const asked: string[] = [];
  const said: unknown[] = [];
  const newest = (found: readonly Price[]) => found.at(-1);
  const store: Partial<PriceStore> = {
    async lockPriceBook() {
      asked.push("lockPriceBook");
    },
    async findHistories(_tx, owner, names, effectiveAt) {
      asked.push("findHistories");
      return names.map(({ provider, model }): PriceHistory & { provider: string; model: string } => {
        const own = versions.filter(
          (one) =>
            one.provider === provider &&
            one.model === model &&
            one.tenantId === owner.tenantId &&
            one.planId === owner.planId,
        );
        return {
          ...{ provider, model, newestVersion: newest(own)?.version ?? 0 },
          current: newest(own.filter((one) => one.isInForce)),
          lastByProvider: newest(own.filter(({ origin }) => origin === "provider")),
          lastByCatalog: newest(own.filter(({ origin }) => origin === "catalog")),
          sameTime: newest(own.filter((one) => one.effectiveAt.getTime() === effectiveAt?.getTime())),
        };
      });
    },
    async insertPrices(_tx, prices) {
      asked.push("insertPrices");
      const now = new Date(clock.nowMs());
      for (const price of prices) {
        const effectiveAt = price.effectiveAt ?? now;
        versions.push({ ...price, effectiveAt, createdAt: now, isInForce: effectiveAt <= now });
      }
    },
    async listVersions(name, { limit, before }) {
      asked.push(`listVersions ${name.tenantId} ${name.planId} ${name.provider} ${name.model} ${limit} ${before}`);
      return versions
        .filter(({ version }) => before === undefined || version < before)
        .toReversed()
        .slice(0, limit);
    },
  };
  const append = async (_tx: unknown, { type }: { type: string }, data: unknown) => void said.push([type, data]);
  const deps = {
    ...{
      db: { transaction: (work: (tx: unknown) => unknown) => work("tx") } as never,
      priceStore: store as PriceStore,
    },
    ...{ outbox: { append } as unknown as Outbox, random: createRandom(clock), clock, currency: "USD" },
  };
  return {
    ...{ versions, deps },
    takeAsked: () => asked.splice(0),
    takeSaid: () => said.splice(0),
    put: (input: Partial<PutPricesInput>) =>
      putPrices(deps, { tenantId: "", prices: [{ provider: "p", model: "m", terms: rates(1n) }], ...input }),
  };
}

test("a new price is version 1, in effect at once, everyone's unless it is somebody's, and said to the nodes", async () => {
  const { put, takeAsked, takeSaid } = start();
  const [price, more] = await put({});
  assert.ok(price && !more);
  const { priceId, ...rest } = price;
  assert.match(priceId, /^prc_/);
  assert.deepEqual(rest, {
    ...{ ...everyone, provider: "p", model: "m", version: 1, currency: "USD", terms: rates(1n), origin: "provider" },
    ...{ effectiveAt: new Date(startMs), createdAt: new Date(startMs), isInForce: true },
  });
  assert.deepEqual(takeAsked(), ["lockPriceBook", "findHistories", "insertPrices", "findHistories"]);
  assert.deepEqual(takeSaid(), [["billing.prices.changed", { tenantId: "", actorId: "" }]]);
});

test("a repeat writes nothing, says nothing, and gives what stands; what is new becomes the next version", async () => {
  const { put, takeAsked, takeSaid, versions } = start();
  const [first] = await put({});
  takeAsked();
  takeSaid();
  assert.deepEqual(await put({}), [first]);
  assert.deepEqual([takeAsked(), takeSaid(), versions.length], [["lockPriceBook", "findHistories"], [], 1]);
  const [second] = await put({ prices: [{ provider: "p", model: "m", terms: rates(2n) }] });
  assert.deepEqual([second?.version, second?.terms], [2, rates(2n)]);
});

test("of several prices those that are new are written, and all are given in their order", async () => {
  const { put, versions } = start();
  await put({});
  const put2 = await put({
    prices: [
      { provider: "p", model: "n", terms: rates(5n) },
      { provider: "p", model: "m", terms: rates(1n) },
      {
        provider: "q",
        model: "m",
        inputNanosPerMillion: 7n,
        cachedInputNanosPerMillion: 0n,
        outputNanosPerMillion: 0n,
      },
    ],
  });
  assert.deepEqual(
    put2.map(({ provider, model, version }) => [provider, model, version]),
    [
      ["p", "n", 1],
      ["p", "m", 1],
      ["q", "m", 1],
    ],
  );
  assert.equal(versions.length, 3);
});

test("a tenant's prices and a plan's are their own, and whom they concern is said", async () => {
  const { put, takeSaid } = start();
  const [tenants] = await put({ tenantId: "ten_1", origin: "operator" });
  const [plans] = await put({ planId: "pln_1", origin: "catalog" });
  assert.deepEqual(
    [tenants, plans].map((price) => [price?.tenantId, price?.planId, price?.version, price?.origin]),
    [
      ["ten_1", "", 1, "operator"],
      ["", "pln_1", 1, "catalog"],
    ],
  );
  const changed = (tenantId: string) => ["billing.prices.changed", { tenantId, actorId: "" }];
  assert.deepEqual(takeSaid(), [changed("ten_1"), changed("")]);
});

test("a price for later is put beside the one in force; the past cannot be given a price, not even this moment", async () => {
  const { put, versions } = start();
  const origin = "operator";
  const [now] = await put({ origin });
  const effectiveAt = new Date(startMs + 1);
  const prices = [{ provider: "p", model: "m", terms: rates(9n) }];
  const [later] = await put({ origin, effectiveAt, prices });
  assert.deepEqual([later?.version, later?.effectiveAt, later?.isInForce], [2, effectiveAt, false]);
  assert.deepEqual(await put({ origin, effectiveAt, prices }), [later], "a repeat");
  assert.deepEqual(await put({ origin }), [now], "that of now stays");
  for (const past of [startMs, startMs - 1]) {
    await assert.rejects(put({ origin, effectiveAt: new Date(past), prices }), (err) => {
      assert.ok(isFailure(err, kitFailures.invalid_request));
      assert.deepEqual(err.details, {
        ...{ field: "effective_at", reason: "must lie in the future", reason_zh_CN: "必须是将来的时间" },
      });
      return true;
    });
  }
  assert.equal(versions.length, 2);
});

test("a source that says for later what it says already writes nothing, and has no version of that time", async () => {
  const { put, versions } = start();
  await put({});
  assert.deepEqual(await put({ effectiveAt: new Date(startMs + 1) }), []);
  assert.equal(versions.length, 1);
});

test("versions of a model are listed page by page, newest first", async () => {
  const { put, deps, takeAsked } = start();
  for (const input of [1n, 2n, 3n]) await put({ prices: [{ provider: "p", model: "m", terms: rates(input) }] });
  takeAsked();
  const name = { tenantId: "ten_1", planId: "pln_1", provider: "p", model: "m" };
  const first = await listPriceVersions(deps, { ...name, limit: 2 });
  assert.deepEqual(
    first.rows.map(({ version }) => version),
    [3, 2],
  );
  const second = await listPriceVersions(deps, { ...name, limit: 2, cursor: first.nextCursor });
  assert.deepEqual([second.rows.map(({ version }) => version), second.nextCursor], [[1], undefined]);
  assert.deepEqual(takeAsked(), ["listVersions ten_1 pln_1 p m 3 undefined", "listVersions ten_1 pln_1 p m 3 2"]);
});

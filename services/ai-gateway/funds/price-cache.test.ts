import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { type BillingService, type Price, PriceSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { Registry } from "prom-client";
import { createPriceCache } from "./price-cache.ts";

const startMs = Date.UTC(2026, 2, 10);
const priceOf = (
  priceId: string,
  more: Partial<Pick<Price, "planId" | "tenantId" | "effectiveAt" | "isInForce">> = {},
) => create(PriceSchema, { priceId, model: "m", terms: { rates: { input: 1n } }, isInForce: true, ...more });

/** A cache before a billing that answers with `prices`, and notes what it is asked. */
function start(...prices: readonly Price[]) {
  const clock = createFakeClock(startMs);
  const asked: unknown[] = [];
  const billing: Pick<Client<typeof BillingService>, "listPrices"> = {
    async listPrices(request) {
      asked.push(request);
      return { prices } as never;
    },
  };
  const metrics = new Registry();
  const cache = createPriceCache(billing as Client<typeof BillingService>, {
    clock,
    random: createRandom(clock),
    metrics,
  });
  const idOf = async (model = "m", atMs = startMs, tenantId = "ten_1") =>
    (await cache.priceOf({ tenantId, provider: "p", model }, atMs))?.priceId;
  return { cache, clock, idOf, metrics, takeAsked: () => asked.splice(0) };
}

test("a tenant's prices of a provider are asked for once, those of the next five minutes too, and are there at once afterwards", async () => {
  const { cache, takeAsked, metrics } = start(priceOf("prc_1"), { ...priceOf("prc_2"), model: "n" });
  const model = { tenantId: "ten_1", provider: "p", model: "m" };
  const found = cache.priceOf(model, startMs);
  assert.ok(found instanceof Promise);
  assert.deepEqual(await found.then((price) => [price?.priceId, price?.terms]), ["prc_1", { rates: { input: 1n } }]);
  const again = cache.priceOf({ ...model, model: "n" }, startMs);
  assert.ok(again && !(again instanceof Promise));
  assert.equal(again.priceId, "prc_2");
  assert.equal(cache.priceOf({ ...model, model: "x" }, startMs), undefined);
  assert.deepEqual(takeAsked(), [{ tenantId: "ten_1", provider: "p", aheadMs: 300_000n }]);
  await cache.priceOf({ ...model, provider: "q" }, startMs);
  await cache.priceOf({ ...model, tenantId: "ten_2" }, startMs);
  assert.equal(takeAsked().length, 2);
  assert.match(await metrics.metrics(), /cache="ai-gateway\.price"/);
});

test("W31: of the names under which a price may stand the first that has one counts, and says so; else the model's own", async () => {
  const { cache } = start(
    priceOf("prc_1"),
    { ...priceOf("prc_2"), model: "m#hd" },
    { ...priceOf("prc_3"), model: "m#8k" },
  );
  const find = async (...priceNames: string[]) => {
    const price = await cache.priceOf({ tenantId: "ten_1", provider: "p", model: "m", priceNames }, startMs);
    return [price?.priceId, price?.name];
  };
  assert.deepEqual(await find("m#hd/8k", "m#8k", "m#hd"), ["prc_3", "m#8k"]);
  assert.deepEqual(await find("m#hd/4k", "m#4k", "m#hd"), ["prc_2", "m#hd"]);
  assert.deepEqual(await find("m#4k"), ["prc_1", undefined]);
});

test("a model that is not known has no price, at whatever time", async () => {
  const { idOf } = start();
  assert.equal(await idOf(), undefined);
});

test("the tenant's own price counts before its plan's, and that before everyone's; of equals the last", async () => {
  const all = priceOf("all");
  const plan = priceOf("plan", { planId: "pln_1" });
  const own = priceOf("own", { tenantId: "ten_1" });
  const both = priceOf("both", { tenantId: "ten_1", planId: "pln_1" });
  assert.equal(await start(own, plan, all).idOf(), "own");
  assert.equal(await start(all, plan, own).idOf(), "own");
  assert.equal(await start(plan, all).idOf(), "plan");
  assert.equal(await start(all, plan).idOf(), "plan");
  assert.equal(await start(plan, both).idOf(), "both");
  assert.equal(await start(both, plan).idOf(), "both");
  assert.equal(await start(all, priceOf("later")).idOf(), "later");
});

test("a version counts from its time on, and one that billing says is in force whatever this node's clock says", async () => {
  const effectiveAt = timestampFromMs(startMs + 1_000);
  const { idOf } = start(priceOf("now"), priceOf("soon", { effectiveAt, isInForce: false }));
  assert.deepEqual(
    [await idOf("m", startMs + 999), await idOf("m", startMs + 1_000), await idOf("m", 0)],
    ["now", "soon", "now"],
  );
  assert.equal(await start(priceOf("ahead", { effectiveAt })).idOf("m", startMs), "ahead");
  assert.equal(await start(priceOf("timeless", { isInForce: false })).idOf("m", startMs), "timeless");
});

test("a price without terms is free of nothing: it has no rates", async () => {
  const { cache } = start(create(PriceSchema, { priceId: "prc_1", model: "m", isInForce: true }));
  const price = await cache.priceOf({ tenantId: "ten_1", provider: "p", model: "m" }, startMs);
  assert.deepEqual(price, { ...price, priceId: "prc_1", terms: { rates: {} } });
});

test("prices are asked for anew after a minute, and at once when they are forgotten: a tenant's, or everyone's", async () => {
  const { cache, clock, idOf, takeAsked } = start(priceOf("prc_1"));
  const look = async () => {
    for (const tenantId of ["ten_1", "ten_2"]) await idOf("m", startMs, tenantId);
    return takeAsked().map((request) => (request as { tenantId: string }).tenantId);
  };
  assert.deepEqual(await look(), ["ten_1", "ten_2"]);
  assert.deepEqual(await look(), []);
  cache.forget("ten_2");
  assert.deepEqual(await look(), ["ten_2"]);
  cache.forget("");
  assert.deepEqual(await look(), ["ten_1", "ten_2"]);
  cache.forgetAll();
  assert.deepEqual(await look(), ["ten_1", "ten_2"]);
  // A tenth less, so that not all end together.
  clock.advance(53_999);
  assert.deepEqual(await look(), []);
  clock.advance(6_001);
  assert.deepEqual(await look(), ["ten_1", "ten_2"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import type { Offer } from "../catalog.ts";
import type { KnownPrice } from "../funds/price-cache.ts";
import type { Target } from "../model.ts";
import { type RouteStrategy, routeSchema } from "./route.ts";
import { createStandings, noteAnswered, noteBegin, noteEnd, noteFirstByte } from "./standing.ts";
import { createTargetOrder } from "./target-order.ts";

const asked = { tenantId: "ten_1", userId: "", keyId: "", tags: "" };

function targetAt(name: string): Target {
  return { provider: { providerId: name, name }, model: { name: "m" } } as unknown as Target;
}

function priceOfNanos(input: bigint): KnownPrice {
  return { priceId: `prc_${input}`, terms: { rates: { input, output: 2n * input } } };
}

function start(priceOf: (provider: string) => KnownPrice | undefined | Promise<KnownPrice | undefined>) {
  const clock = createFakeClock();
  const standings = createStandings();
  const order = createTargetOrder({
    ...{ weights: { latency: 40, availability: 30, cost: 20, quality: 10 }, standings, clock },
    priceOf: ({ provider }) => priceOf(provider),
    random: createRandom(clock),
  });
  const [a, b] = [targetAt("a"), targetAt("b")];
  const offerOf = (strategy: RouteStrategy): Offer => {
    const written = routeSchema.parse({
      name: "smart",
      strategy,
      targets: ["a", "b"].map((at) => ({ provider: at, model: "m" })),
    });
    const route = { ...written, tenantId: "", source: "config" as const, version: 1, updatedAt: new Date(0) };
    const targets = route.targets.map((rule, at) => ({ rule, target: at === 0 ? a : b }));
    return {
      name: "smart",
      targets: [a, b],
      routed: {
        route,
        targets,
        tree: { ...route, targets },
        isPriced: strategy === "cost" || strategy === "scored",
        comparesMeaning: false,
      },
    };
  };
  const firstOf = (strategy: RouteStrategy) => order.orderOf(offerOf(strategy), asked)[0]?.provider.name;
  /** A call that a target answers after so many milliseconds. */
  const serve = (target: Target, firstByteMs: number) => {
    const standing = standings.of(target);
    noteBegin(standing, clock.monotonicMs());
    noteFirstByte(standing, firstByteMs);
    noteEnd(standing);
    noteAnswered(standing, 0, 1);
  };
  return { clock, order, offerOf, firstOf, serve, a, b };
}

test("a name without a route keeps the order of its targets, as the same object", () => {
  const { order, a, b } = start(() => undefined);
  const offer: Offer = { name: "m", targets: [b, a], routed: undefined };
  assert.equal(order.orderOf(offer, asked), offer.targets);
  assert.equal(order.prepare(offer, "ten_1"), undefined);
});

test("prices are waited for where the order depends on them, and one that cannot be had stops nobody", async () => {
  const known = new Map<string, KnownPrice>();
  const { order, offerOf, firstOf } = start(
    (provider) => known.get(provider) ?? Promise.reject(new Error("billing is away")),
  );
  for (const strategy of ["fallback", "weighted", "latency"] as const) {
    assert.equal(order.prepare(offerOf(strategy), "ten_1"), undefined, strategy);
  }
  for (const strategy of ["cost", "scored"] as const) await order.prepare(offerOf(strategy), "ten_1");
  assert.equal(firstOf("cost"), "a", "as it is written, while nothing is known");
  known.set("a", priceOfNanos(20n)).set("b", priceOfNanos(10n));
  assert.equal(order.prepare(offerOf("cost"), "ten_1"), undefined);
  assert.equal(firstOf("cost"), "b");
});

test("one that was slow is left alone, and tried again after a minute: then what it does now counts", () => {
  const { clock, firstOf, serve, a, b } = start(() => priceOfNanos(10n));
  for (const strategy of ["latency", "scored"] as const) {
    serve(a, 5_000);
    serve(b, 100);
    assert.equal(firstOf(strategy), "b");
    clock.advance(60_000);
    serve(b, 100);
    assert.equal(firstOf(strategy), "b");
    clock.advance(1);
    assert.equal(firstOf(strategy), "a");
    serve(a, 10);
    assert.equal(firstOf(strategy), "a");
    clock.advance(60_001);
  }
});

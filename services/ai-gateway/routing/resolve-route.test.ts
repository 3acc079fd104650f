import assert from "node:assert/strict";
import { test } from "node:test";
import type { Provider } from "../model.ts";
import { canNest, resolveRoute } from "./resolve-route.ts";
import { type Route, routeSchema } from "./route.ts";

const providers = ["a", "b"].map((name) => ({ name, models: [{ name: "m" }] })) as unknown as readonly Provider[];

function routeOf(name: string, targets: readonly object[], strategy = "fallback"): Route {
  const spec = routeSchema.parse({ name, strategy, targets });
  return { ...spec, tenantId: "", source: "config", version: 1, updatedAt: new Date(0) };
}

const at = (provider: string) => ({ provider, model: "m" });
const to = (route: string) => ({ route });
const namesOf = (route: Route, routes: readonly Route[]) =>
  resolveRoute(route, { providers, routes }).targets.map(({ target }) => target.provider.name);

test("a route has the targets of those that it names; what is not there is left out, and a target is one object", () => {
  const inner = routeOf("inner", [at("b"), at("gone"), at("a")], "cost");
  const outer = routeOf("outer", [at("a"), to("inner"), to("nowhere")]);
  const { tree, targets, isPriced } = resolveRoute(outer, { providers, routes: [outer, inner] });
  assert.deepEqual(
    targets.map(({ target }) => target.provider.name),
    ["a", "b"],
  );
  assert.equal(isPriced, true, "the inner one's order depends on prices");
  const [first, second] = tree.targets;
  const innerA = second && "nested" in second ? second.nested.targets[1] : undefined;
  assert.ok(first && "target" in first && innerA && "target" in innerA);
  assert.equal(first.target, innerA.target);
  assert.equal(resolveRoute(routeOf("r", [at("a")]), { providers, routes: [] }).isPriced, false);
});

test("what leads back to itself, however it came about, is not there; the rest is", () => {
  const [one, two] = [routeOf("one", [to("two"), at("a")]), routeOf("two", [to("one"), at("b")])];
  assert.deepEqual(namesOf(one, [one, two]), ["b", "a"]);
  assert.equal(canNest("one", "two", { routes: [one, two] }), false);
  assert.equal(canNest("one", "one", { routes: [one] }), false);
  assert.equal(canNest("three", "two", { routes: [routeOf("one", [at("a")]), two] }), true);
});

test("routes stand in each other four deep and with 256 places, and no more", () => {
  const chain = (depth: number) =>
    Array.from({ length: depth }, (_one, n) => routeOf(`r${n}`, [n + 1 < depth ? to(`r${n + 1}`) : at("a")]));
  assert.equal(canNest("top", "r0", { routes: chain(3) }), true);
  assert.equal(canNest("top", "r0", { routes: chain(4) }), false);
  assert.deepEqual(namesOf(routeOf("top", [to("r0")]), chain(3)), ["a"]);
  assert.deepEqual(namesOf(routeOf("top", [to("r0")]), chain(4)), []);
  const wide = (name: string, targets: readonly object[]) => routeOf(name, targets);
  const conditions = Array.from({ length: 32 }, (_one, n) => ({ ...at("a"), when: { tokens: { min: n } } }));
  const many = Array.from({ length: 9 }, (_one, n) => wide(`w${n}`, conditions));
  const top = wide(
    "all",
    many.map(({ name }) => to(name)),
  );
  assert.equal(canNest("top", "all", { routes: [...many, top] }), false);
  assert.equal(canNest("top", "w0", { routes: many }), true);
});

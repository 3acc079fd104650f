import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import type { Target } from "../model.ts";
import {
  type AskedBy,
  leavesOf,
  type OrderDeps,
  orderTargets,
  placesToCompare,
  type RoutedNode,
  type RoutedTarget,
} from "./order-targets.ts";
import { likenessOf } from "./request-shape.ts";
import { type RouteStrategy, routeSchema, routeStrategies, routeTargetSchema } from "./route.ts";
import type { Candidate } from "./score-targets.ts";
import { createStanding } from "./standing.ts";

const anybody: AskedBy = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1", tags: "env=prod,team=search" };

function routed(provider: string, rule: object = {}): RoutedTarget {
  const target = { provider: { name: provider }, model: { name: "m" } } as unknown as Target;
  return { target, rule: routeTargetSchema.parse({ provider, model: "m", ...rule }) };
}

interface Known {
  readonly firstByteMs?: number;
  readonly costNanos?: number;
  readonly tokensPerSecond?: number;
}

function depsOf(known: Readonly<Record<string, Known>>, draw: (n: number) => number): OrderDeps {
  return {
    weights: { latency: 40, availability: 30, cost: 20, quality: 10 },
    candidateOf(_tenantId, { rule, target }): Candidate {
      const { firstByteMs = 0, tokensPerSecond = 0, costNanos } = known[target.provider.name] ?? {};
      return { standing: { ...createStanding(), firstByteMs, tokensPerSecond }, costNanos, quality: rule.quality };
    },
    draw,
  };
}

function namesOf(
  strategy: RouteStrategy,
  targets: readonly RoutedNode[],
  given: {
    readonly asked?: Partial<AskedBy>;
    readonly known?: Readonly<Record<string, Known>>;
    readonly seed?: number;
  } = {},
): string[] {
  const { between } = createSeeded(given.seed ?? 1);
  const deps = depsOf(given.known ?? {}, (n) => between(0, n - 1));
  return orderTargets({ name: "r", strategy, targets }, { ...anybody, ...given.asked }, deps).map(
    ({ provider }) => provider.name,
  );
}

test("fallback keeps the order given, and a lower priority number comes before it", () => {
  assert.deepEqual(namesOf("fallback", [routed("b"), routed("a"), routed("c")]), ["b", "a", "c"]);
  assert.deepEqual(namesOf("fallback", [routed("b", { priority: 2 }), routed("a", { priority: 1 }), routed("c")]), [
    ...["c", "a", "b"],
  ]);
});

test("cost and latency put the least first; an unknown latency is tried, an unknown price comes last", () => {
  const known = { a: { firstByteMs: 300, costNanos: 1 }, b: { firstByteMs: 100, costNanos: 9 }, c: {} };
  const targets = [routed("a"), routed("b"), routed("c")];
  assert.deepEqual(namesOf("cost", targets, { known }), ["a", "b", "c"]);
  assert.deepEqual(namesOf("latency", targets, { known }), ["c", "b", "a"]);
});

test("scored puts the one with the best score first", () => {
  const known = { a: { firstByteMs: 400, costNanos: 1 }, b: { firstByteMs: 100, costNanos: 1 } };
  assert.deepEqual(namesOf("scored", [routed("a"), routed("b")], { known }), ["b", "a"]);
  const dear = { a: { firstByteMs: 100, costNanos: 1 }, b: { firstByteMs: 100, costNanos: 100 } };
  assert.deepEqual(namesOf("scored", [routed("b"), routed("a")], { known: dear }), ["a", "b"]);
});

test("a condition is for calls that have all its tags, one of its people and one of its keys", () => {
  const targets = [
    routed("tagged", { tags: { env: "prod", team: "search" } }),
    routed("person", { users: ["usr_1", "usr_2"] }),
    routed("key", { keys: ["key_9"] }),
    routed("all"),
  ];
  assert.deepEqual(namesOf("fallback", targets), ["tagged", "person", "all"]);
  assert.deepEqual(namesOf("fallback", targets, { asked: { tags: "env=prod", userId: "usr_3", keyId: "key_9" } }), [
    ...["key", "all"],
  ]);
  assert.deepEqual(namesOf("fallback", targets, { asked: { tags: "", userId: "", keyId: "" } }), ["all"]);
  assert.deepEqual(namesOf("fallback", targets, { asked: { tags: "env=production,team=search", userId: "x" } }), [
    "all",
  ]);
  assert.deepEqual(namesOf("weighted", [routed("key", { keys: ["key_9"] })]), []);
});

test("weighted: each target gets its share of the calls, one without a weight only stands in", () => {
  const seed = randomInt(2 ** 32);
  const { between } = createSeeded(seed);
  const deps = depsOf({}, (n) => between(0, n - 1));
  const targets = [routed("a", { weight: 7 }), routed("b", { weight: 2 }), routed("c"), routed("d", { weight: 0 })];
  const calls = 10_000;
  const firsts: Record<string, number> = {};
  for (let call = 0; call < calls; call++) {
    const ordered = orderTargets({ name: "r", strategy: "weighted", targets }, anybody, deps).map(
      ({ provider }) => provider.name,
    );
    assert.equal(ordered.at(-1), "d");
    firsts[ordered[0] ?? ""] = (firsts[ordered[0] ?? ""] ?? 0) + 1;
  }
  // Within five standard deviations.
  for (const [name, part] of Object.entries({ a: 0.7, b: 0.2, c: 0.1 })) {
    const deviation = Math.sqrt(calls * part * (1 - part));
    assert.ok(Math.abs((firsts[name] ?? 0) - calls * part) < 5 * deviation, `seed ${seed}: ${JSON.stringify(firsts)}`);
  }
  assert.equal(
    Object.values(firsts).reduce((sum, n) => sum + n, 0),
    calls,
  );
});

test("experiment: who calls keeps to one target, targets have their shares of who calls, and a share that grows keeps its own", () => {
  const deps = depsOf({}, () => assert.fail("nothing is left to chance"));
  const firstOf = (name: string, weights: readonly number[], asked: Partial<AskedBy>) => {
    const targets = weights.map((weight, at) => routed(`p${at}`, { weight }));
    const [first, ...others] = orderTargets({ name, strategy: "experiment", targets }, { ...anybody, ...asked }, deps);
    assert.equal(others.length, weights.length - 1);
    return first?.provider.name;
  };
  const people = Array.from({ length: 10_000 }, (_one, n) => ({ userId: `usr_${n}` }));
  const half = people.map((person) => firstOf("r", [1, 1], person));
  assert.deepEqual(
    people.map((person) => firstOf("r", [1, 1], { ...person, keyId: "key_2", tags: "" })),
    half,
  );
  const inFirst = half.filter((name) => name === "p0").length;
  assert.ok(Math.abs(inFirst - 5_000) < 250, `${inFirst} of 10,000`);
  const more = people.map((person) => firstOf("r", [6, 4], person));
  assert.ok(half.every((name, at) => name !== "p0" || more[at] === "p0"));
  const grown = more.filter((name) => name === "p0").length;
  assert.ok(Math.abs(grown - 6_000) < 250, `${grown} of 10,000`);
  const elsewhere = people.map((person) => firstOf("other", [1, 1], person));
  const same = elsewhere.filter((name, at) => name === half[at]).length;
  assert.ok(Math.abs(same - 5_000) < 250, `${same} of 10,000 are on the same side in another experiment`);
  assert.equal(firstOf("r", [0, 1], {}), "p1");
});

test("experiment: a program says by the tag unit for whom it calls; a key without a person is one", () => {
  const deps = depsOf({}, () => 0);
  const targets = [routed("a"), routed("b")];
  const firstOf = (asked: Partial<AskedBy>) =>
    orderTargets({ name: "r", strategy: "experiment", targets }, { ...anybody, ...asked }, deps)[0]?.provider.name;
  const sides = new Set(Array.from({ length: 50 }, (_one, n) => firstOf({ tags: `env=prod,unit=customer-${n}` })));
  assert.equal(sides.size, 2);
  const unit = { tags: "unit=customer-7,env=prod" };
  assert.equal(firstOf({ ...unit, userId: "usr_5" }), firstOf({ ...unit, userId: "", keyId: "key_8" }));
  const keys = Array.from({ length: 50 }, (_one, n) => firstOf({ tags: "", userId: "", keyId: `key_${n}` }));
  assert.equal(new Set(keys).size, 2);
});

test("throughput and quality put the most first; a throughput that is not known is tried", () => {
  const known = { a: { tokensPerSecond: 20 }, b: { tokensPerSecond: 90 }, c: {} };
  const targets = [routed("a", { quality: 0.9 }), routed("b", { quality: 0.2 }), routed("c", { quality: 0.5 })];
  assert.deepEqual(namesOf("throughput", targets, { known }), ["c", "b", "a"]);
  assert.deepEqual(namesOf("quality", targets, { known }), ["a", "c", "b"]);
});

test("a route in a route keeps its own order, stands for its first among the others, and brings nothing twice", () => {
  const nest = (strategy: RouteStrategy, targets: readonly RoutedNode[], rule: object = {}): RoutedNode => ({
    rule: routeTargetSchema.parse({ route: "inner", ...rule }),
    nested: { name: "inner", strategy, targets },
  });
  const known = { a: { costNanos: 5 }, b: { costNanos: 1 }, c: { costNanos: 3 }, d: { costNanos: 9 } };
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => routed(name)) as [
    ...[RoutedTarget, RoutedTarget, RoutedTarget, RoutedTarget],
  ];
  assert.deepEqual(namesOf("fallback", [d, nest("cost", [a, b])], { known }), ["d", "b", "a"]);
  assert.deepEqual(namesOf("cost", [c, nest("fallback", [d, b])], { known }), ["c", "d", "b"], "its first costs 9");
  assert.deepEqual(namesOf("fallback", [nest("cost", [a, b], { priority: 1 }), c, b], { known }), ["c", "b", "a"]);
  const closed = nest("fallback", [routed("a", { users: ["usr_9"] })]);
  assert.deepEqual(namesOf("fallback", [closed, b]), ["b"], "nobody in it is open to the call");
  assert.deepEqual(namesOf("fallback", [nest("fallback", [a, b], { tags: { env: "dev" } }), c]), ["c"]);
  assert.deepEqual(leavesOf([a, nest("cost", [b, a])]), [a, b]);
});

test("conditions on a request open a target to those that meet them, and to none where there is no request", () => {
  const targets = [
    routed("small", { when: { tokens: { max: 10 } } }),
    routed("seeing", { when: { media: true } }),
    routed("usual"),
  ];
  const ask = (body: object) => ({ asked: { isLike: likenessOf(Buffer.from(JSON.stringify(body))) } });
  assert.deepEqual(namesOf("fallback", targets, ask({ a: 1 })), ["small", "usual"]);
  assert.deepEqual(namesOf("fallback", targets, ask({ text: "x".repeat(100) })), ["usual"]);
  const image = { type: "image_url", image_url: { url: "https://x/y.png" } };
  assert.deepEqual(namesOf("fallback", targets, ask({ messages: [{ content: [image] }] })), [
    "small",
    "seeing",
    "usual",
  ]);
  assert.deepEqual(namesOf("fallback", targets), ["usual"]);
});

test("whatever the route: all its open targets stand once, by priority, and the same seed gives the same order", () => {
  const seed = randomInt(2 ** 32);
  const { between, next } = createSeeded(seed);
  for (let round = 0; round < 1_000; round++) {
    const targets = Array.from({ length: between(1, 8) }, (_one, at) =>
      routed(`p${at}`, {
        priority: between(0, 2),
        weight: between(0, 3),
        quality: next(),
        tags: between(0, 3) === 0 ? { env: between(0, 1) === 0 ? "prod" : "dev" } : {},
        users: between(0, 3) === 0 ? [`usr_${between(1, 2)}`] : [],
      }),
    );
    const known = Object.fromEntries(
      targets.map(({ rule }) => [rule.provider, { firstByteMs: between(0, 3) * 100, costNanos: between(0, 3) }]),
    );
    const strategy = routeStrategies[between(0, routeStrategies.length - 1)] ?? "scored";
    const given = { known, seed: between(0, 1_000) };
    const names = namesOf(strategy, targets, given);
    const ruleOf = new Map(targets.map(({ rule }) => [rule.provider, rule]));
    const open = targets.filter(
      ({ rule }) =>
        (rule.tags["env"] ?? "prod") === "prod" && (rule.users.length === 0 || rule.users.includes("usr_1")),
    );
    assert.deepEqual(names.toSorted(), open.map(({ rule }) => rule.provider).toSorted(), `seed ${seed}`);
    const priorities = names.map((name) => ruleOf.get(name)?.priority ?? 0);
    assert.deepEqual(
      priorities,
      priorities.toSorted((a, b) => a - b),
      `seed ${seed}: ${strategy}`,
    );
    assert.deepEqual(namesOf(strategy, targets, given), names, `seed ${seed}: ${strategy}`);
  }
});

test("a route names each model of a provider once, has 1 to 32 targets, and tags that a call may have", () => {
  const target = { provider: "a", model: "m" };
  const reads = (route: object) => routeSchema.safeParse({ name: "smart", ...route }).success;
  assert.ok(reads({ targets: [target, { ...target, model: "n" }] }));
  assert.ok(!reads({ targets: [target, target] }));
  assert.ok(!reads({ targets: [] }));
  assert.ok(!reads({ targets: Array.from({ length: 33 }, (_one, at) => ({ ...target, model: `m${at}` })) }));
  assert.ok(!reads({ targets: [{ ...target, tags: { env: "a,b=c" } }] }));
  assert.ok(!reads({ targets: [{ ...target, tags: { "": "x" } }] }));
  assert.ok(!reads({ targets: [{ ...target, nonsense: 1 }] }));
  assert.ok(reads({ targets: [target, { ...target, when: { tools: true } }, { route: "other" }] }));
  for (const wrong of [{ route: "other", ...target }, { provider: "a" }, { route: "other", model: "m" }, {}]) {
    assert.ok(!reads({ targets: [wrong] }), JSON.stringify(wrong));
  }
  for (const when of [
    {},
    { tokens: {} },
    { tokens: { min: 2, max: 1 } },
    { complexity: { min: 101 } },
    { mentions: [] },
  ]) {
    assert.ok(!reads({ targets: [{ ...target, when }] }), JSON.stringify(when));
  }
});

const about = (provider: string, similarity: number, more: object = {}) =>
  routed(provider, { ...more, when: { meaning: { examples: [provider], similarity } } });
const near = (known: Readonly<Record<string, number>>): Partial<AskedBy> => ({
  isLike: () => true,
  similarityTo: ({ provider = "" }) => known[provider],
});

test("of places with examples only the nearest is open, and only if it is near enough; the others stay", () => {
  const targets = [about("a", 0.5), about("b", 0.7), routed("rest")];
  const ordered = (known: Readonly<Record<string, number>>) => namesOf("fallback", targets, { asked: near(known) });
  assert.deepEqual(ordered({ a: 0.6, b: 0.8 }), ["b", "rest"]);
  assert.deepEqual(ordered({ a: 0.6, b: 0.65 }), ["a", "rest"], "the nearer one is not near enough");
  assert.deepEqual(ordered({ a: 0.4, b: 0.6 }), ["rest"]);
  assert.deepEqual(ordered({ a: 0.7, b: 0.7 }), ["a", "b", "rest"], "both are the nearest");
  assert.deepEqual(ordered({}), ["rest"], "nothing is known");
  assert.deepEqual(namesOf("fallback", targets), ["rest"], "nothing was asked");
});

test("a place that is not open to the call in all else takes it from no other, and is not compared", () => {
  const others = about("a", 0.5, { users: ["usr_other"] });
  assert.deepEqual(namesOf("fallback", [others, about("b", 0.5)], { asked: near({ a: 0.9, b: 0.6 }) }), ["b"]);
  const inner = { name: "inner", strategy: "fallback" as const, embedding: "v2", targets: [about("c", 0.5)] };
  const rule = routeTargetSchema.parse({ route: "inner" });
  const tree = {
    ...{ name: "outer", strategy: "fallback" as const, embedding: "v1" },
    targets: [others, about("b", 0.5), { rule, nested: inner }],
  };
  const places = placesToCompare(tree, { ...anybody, ...near({}) });
  assert.deepEqual(
    places.map(({ route, embedding, meaning }) => [route, embedding, meaning.examples]),
    [
      ["outer", "v1", ["b"]],
      ["inner", "v2", ["c"]],
    ],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createDegradation, type DegradationChange } from "./degradation.ts";
import { type DegradationLevel, degradationLevels, toCoarseLevel } from "./degradation-level.ts";
import { registerDegradationMetrics } from "./degradation-metrics.ts";

function start(signals: readonly (() => DegradationLevel)[] = []) {
  const clock = createFakeClock();
  const changes: DegradationChange[] = [];
  const degradation = createDegradation({ clock, signals, onChange: (change) => changes.push(change) });
  /** Ten calls each second, of which some fail and some are slow. */
  const run = (seconds: number, { errors = 0, slow = 0, slowMs = 0 }) => {
    for (let second = 0; second < seconds; second++) {
      for (let i = 0; i < 100; i++) degradation.record(i < slow ? slowMs : 10, i < errors);
      clock.advance(1_000);
    }
  };
  return { clock, changes, degradation, run };
}

test("errors bring a level after 30 s, and 120 s of health take it away", () => {
  const { degradation, run, changes } = start();
  run(30, { errors: 10 });
  assert.equal(degradation.level(), "normal");
  run(1, { errors: 10 });
  assert.equal(degradation.level(), "reduced");
  // For half a window after the last error its ratio is still too high.
  run(13 + 120, {});
  assert.equal(degradation.level(), "reduced");
  run(1, {});
  assert.equal(degradation.level(), "normal");
  assert.deepEqual(changes, [
    { feature: undefined, from: "normal", to: "reduced", reason: "automatic" },
    { feature: undefined, from: "reduced", to: "normal", reason: "automatic" },
  ]);
});

for (const [name, calls, expected] of [
  ["4 % errors", { errors: 4 }, "normal"],
  ["5 % errors", { errors: 5 }, "reduced"],
  ["19 % errors", { errors: 19 }, "reduced"],
  ["20 % errors", { errors: 20 }, "essential"],
  ["50 % errors", { errors: 50 }, "static"],
  ["5 % slow calls", { slow: 5, slowMs: 2_001 }, "normal"],
  ["6 % at the threshold", { slow: 6, slowMs: 2_000 }, "normal"],
  ["6 % above 2 s", { slow: 6, slowMs: 2_001 }, "reduced"],
  ["6 % above 5 s", { slow: 6, slowMs: 5_001 }, "essential"],
  ["6 % above 15 s", { slow: 6, slowMs: 15_001 }, "static"],
] as const) {
  test(`${name} lasting make it ${expected}`, () => {
    const { degradation, run } = start();
    run(40, calls);
    assert.equal(degradation.level(), expected);
  });
}

test("20 calls in 30 s are enough to judge by", () => {
  const { degradation, clock } = start();
  for (let i = 0; i < 13; i++) {
    for (let call = 0; call < 4; call++) degradation.record(1, true);
    // Where one slot of 5 s ends and the next has no call yet, five slots hold exactly 20.
    clock.advance(5_000);
  }
  assert.equal(degradation.level(), "static");
});

test("fewer than 20 calls say nothing", () => {
  const { degradation, clock } = start();
  for (let i = 0; i < 60; i++) {
    if (i % 2 === 0) degradation.record(1, true);
    clock.advance(1_000);
  }
  assert.equal(degradation.level(), "normal");
});

test("a call for a level that pauses begins anew; one that comes back keeps the level", () => {
  let asked: DegradationLevel = "essential";
  const { clock, degradation } = start([() => "normal", () => asked]);
  const forSeconds = (seconds: number, level: DegradationLevel) => {
    asked = level;
    for (let i = 0; i < seconds; i++) clock.advance(1_000);
    return degradation.level();
  };
  assert.equal(forSeconds(30, "essential"), "normal");
  assert.equal(forSeconds(1, "normal"), "normal");
  assert.equal(forSeconds(30, "essential"), "normal");
  assert.equal(forSeconds(1, "essential"), "essential");
  assert.equal(forSeconds(120, "normal"), "essential");
  assert.equal(forSeconds(1, "essential"), "essential");
  assert.equal(forSeconds(120, "reduced"), "essential");
  assert.equal(forSeconds(1, "reduced"), "reduced");
  assert.equal(forSeconds(60, "static"), "static");
  assert.equal(forSeconds(121, "normal"), "normal");
});

test("a feature answers by its fallback from its level on, and by itself again below", async () => {
  const { degradation } = start();
  const rerank = degradation.degradable({
    feature: "rerank",
    level: "essential",
    run: async (text: string) => `ranked ${text}`,
    fallback: (text) => `plain ${text}`,
  });
  const answers: string[] = [];
  for (const level of [...degradationLevels, undefined]) {
    degradation.force(level);
    answers.push(await rerank("x"));
  }
  assert.deepEqual(answers, ["ranked x", "ranked x", "plain x", "plain x", "ranked x"]);
  assert.equal(degradation.stats().features[0]?.fallbacks, 2);
});

test("a feature that fails degrades alone; its error reaches the caller until then", async () => {
  const { degradation, clock, changes } = start();
  const search = degradation.degradable({
    feature: "search",
    level: "reduced",
    run: async () => {
      clock.advance(10);
      throw new Error("down");
    },
    fallback: () => "cached",
  });
  for (let second = 0; second < 40 && degradation.level("search") === "normal"; second++) {
    for (let i = 0; i < 3; i++) await assert.rejects(search(), /down/);
    clock.advance(970);
  }
  assert.equal(await search(), "cached");
  assert.deepEqual([degradation.level(), degradation.level("search")], ["normal", "static"]);
  for (let second = 0; second < 160; second++) clock.advance(1_000);
  assert.equal(degradation.level("search"), "normal");
  assert.deepEqual(
    changes.map(({ feature, to }) => [feature, to]),
    [
      ["search", "static"],
      ["search", "normal"],
    ],
  );
});

test("a level by hand wins both ways, over the whole and over a feature, until it is given back", () => {
  const { degradation, run, changes } = start();
  degradation.degradable({ feature: "tags", level: "reduced", run: async () => 1, fallback: () => 0 });
  degradation.force("essential");
  assert.deepEqual([degradation.level(), degradation.level("tags")], ["essential", "essential"]);
  degradation.force("normal", "tags");
  assert.equal(degradation.level("tags"), "normal");
  degradation.force("normal");
  run(40, { errors: 100 });
  assert.equal(degradation.level(), "normal");
  degradation.force(undefined);
  degradation.force(undefined, "tags");
  assert.deepEqual([degradation.level(), degradation.level("tags")], ["static", "static"]);
  assert.ok(changes.every(({ reason }) => reason === "manual"));
  assert.equal(changes.length, 6);
});

test("each change shows in the metrics", async () => {
  const { degradation } = start();
  const registry = new Registry();
  registerDegradationMetrics(registry, degradation);
  const tags = degradation.degradable({ feature: "tags", level: "reduced", run: async () => 1, fallback: () => 0 });
  degradation.force("static");
  await tags();
  const text = await registry.metrics();
  for (const line of [
    'resilience_degradation_level{feature=""} 3',
    'resilience_degradation_level{feature="tags"} 3',
    'resilience_degradation_changes_total{feature=""} 1',
    'resilience_degradation_fallbacks_total{feature="tags"} 1',
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test("a feature without a fit name, wrapped twice, or unknown is a mistake", () => {
  const { degradation, clock } = start();
  const feature = { level: "reduced", run: async () => 1, fallback: () => 0 } as const;
  degradation.degradable({ ...feature, feature: "a-b" });
  assert.throws(() => degradation.degradable({ ...feature, feature: "a-b" }), TypeError);
  for (const name of ["", "A", "a-", "a b"]) {
    assert.throws(() => degradation.degradable({ ...feature, feature: name }), TypeError);
  }
  degradation.degradable({ ...feature, feature: "long-name-of-3" });
  const wrap = (name: string) => () => degradation.degradable({ ...feature, feature: name });
  assert.throws(wrap("a-b"), { name: "TypeError", message: "feature 'a-b' is wrapped twice" });
  assert.throws(wrap("a--b"), { name: "TypeError", message: "'a--b' is no name for a feature" });
  assert.throws(() => degradation.level("none"), { name: "TypeError", message: "no feature 'none' is wrapped" });
  assert.throws(() => degradation.force("static", "none"), TypeError);
  degradation.stop();
  assert.equal(clock.countTimers(), 0);
});

test("three words tell the four levels", () => {
  assert.deepEqual(degradationLevels.map(toCoarseLevel), ["normal", "partial", "partial", "full"]);
});

test("signals and listeners that are added later are asked and told like those from the start", () => {
  const clock = createFakeClock();
  const told: string[] = [];
  const degradation = createDegradation({ clock, onChange: ({ to }) => told.push(`first ${to}`) });
  degradation.onChange(({ to }) => told.push(`second ${to}`));
  degradation.watch(() => "essential");
  clock.advance(32_000);
  assert.equal(degradation.level(), "essential");
  assert.deepEqual(told, ["first essential", "second essential"]);
  degradation.stop();
});

test("a thousand features are the most, and all of them may be in use", () => {
  const { degradation } = start();
  const wrap = (n: number) =>
    degradation.degradable({ feature: `f${n}`, level: "reduced", run: async () => n, fallback: () => 0 });
  for (let n = 1; n <= 1_000; n++) wrap(n);
  assert.throws(() => wrap(1_001), { name: "TypeError", message: "there are more than 1000 features" });
  assert.equal(degradation.stats().features.length, 1_000);
});

test("a feature whose calls go well and fast stays as it is, however long the process runs", async () => {
  const { degradation, clock } = start();
  clock.advance(3_600_000);
  const calm = degradation.degradable({
    feature: "calm",
    level: "reduced",
    run: async () => "well",
    fallback: () => "",
  });
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < 3; i++) assert.equal(await calm(), "well");
    clock.advance(1_000);
  }
  assert.equal(degradation.level("calm"), "normal");
});

test("a feature whose calls take long degrades by their time", async () => {
  const { degradation, clock } = start();
  let answered = Promise.withResolvers<void>();
  const slow = degradation.degradable({
    ...{ feature: "slow", level: "static" },
    run: () => answered.promise,
    fallback: () => {},
  });
  for (let round = 0; round < 40; round++) {
    answered = Promise.withResolvers();
    const calls = [slow(), slow(), slow()];
    clock.advance(2_001);
    answered.resolve();
    await Promise.all(calls);
  }
  assert.equal(degradation.level("slow"), "reduced");
});

test("without signals, and with nobody to tell, levels change all the same", () => {
  const clock = createFakeClock();
  const degradation = createDegradation({ clock });
  for (let second = 0; second < 40; second++) {
    for (let i = 0; i < 10; i++) degradation.record(1, true);
    clock.advance(1_000);
  }
  assert.equal(degradation.level(), "static");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { saga } from "./saga.ts";

const step = { run: () => 1 };
const schema = z.string();
const wait = { schema, timeoutMs: 1 };

test("a saga out of bounds is refused where it is declared", () => {
  const branches = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`b${n}`, step]));
  const refused: [RegExp, () => unknown][] = [
    [/cannot be the name/, () => saga("no name")],
    [/cannot be the name/, () => saga("x").step("one.undo", step)],
    [/two steps one/, () => saga("x").step("one", step).parallel({ one: step })],
    [/two pivots/, () => saga("x").pivot().step("one", step).pivot()],
    [/number of branches/, () => saga("x").parallel(branches)],
    [/number of branches/, () => saga("x").parallel({})],
    [/maxAttempts of one/, () => saga("x").step("one", { ...step, retry: { maxAttempts: 101 } })],
    [/timeoutMs of one/, () => saga("x").step("one", { ...step, timeoutMs: 0 })],
    [/timeoutMs of x/, () => saga("x", { timeoutMs: Number.NaN })],
    [/timeoutMs of word must be a whole number from 1/, () => saga("x").waitFor("word", { schema, timeoutMs: 0 })],
    [/two steps word/, () => saga("x").waitFor("word", wait).waitFor("word", wait)],
    [/cannot be the name/, () => saga("x".repeat(61))],
    [/cannot be the name/, () => saga("one--two")],
    [/cannot be the name/, () => saga("one-_")],
  ];
  assert.equal(saga("x").pivot().step("one", step).build().stages.length, 2);
  for (const [message, declare] of refused) assert.throws(declare, { name: "TypeError", message });
});

test("a saga is its name, its time and its stages, in the order in which they were said", () => {
  const options = { ...step, retry: { maxAttempts: 100 }, timeoutMs: 5 };
  const branches = Object.fromEntries(Array.from({ length: 64 }, (_, n) => [`branch-${n}`, step]));
  const built = saga("of-two-words", { timeoutMs: 7 })
    .step("x".repeat(60), options)
    .waitFor("word", wait)
    .pivot()
    .parallel(branches)
    .build();
  assert.deepEqual(built, {
    name: "of-two-words",
    timeoutMs: 7,
    stages: [
      { kind: "steps", steps: [{ ...options, id: "x".repeat(60) }] },
      { kind: "wait", id: "word", schema, timeoutMs: 1 },
      { kind: "pivot" },
      { kind: "steps", steps: Object.keys(branches).map((id) => ({ ...step, id })) },
    ],
  });
  assert.equal(saga("x").build().timeoutMs, 24 * 3_600_000);
});

test("what is built stays as it is, whatever is added to its builder", () => {
  const builder = saga("growing").step("one", step);
  const built = builder.build();
  builder.step("two", step);
  assert.equal(built.stages.length, 1);
});

test("100,000 steps are the most (D9 has 60,000)", () => {
  let builder: { step(id: string, options: typeof step): typeof builder; build(): { stages: readonly unknown[] } } =
    saga<null>("long") as never;
  for (let n = 0; n < 100_000; n++) builder = builder.step(`s${n}`, step);
  assert.equal(builder.build().stages.length, 100_000);
  assert.throws(() => builder.step("last", step), {
    message: /^number of steps of long must be a whole number from 1/,
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { saga } from "./saga.ts";

const step = { run: () => 1 };

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
  ];
  for (const [message, declare] of refused) assert.throws(declare, { name: "TypeError", message });
});

test("60,000 steps are within the limit (D9)", () => {
  let builder: { step(id: string, options: typeof step): typeof builder; build(): { stages: readonly unknown[] } } =
    saga<null>("long") as never;
  for (let n = 0; n < 60_000; n++) builder = builder.step(`s${n}`, step);
  assert.equal(builder.build().stages.length, 60_000);
});

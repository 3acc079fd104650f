import assert from "node:assert/strict";
import { test } from "node:test";
import { canBecome, type RefundState } from "./refund-model.ts";

test("a refund ends once, and only one that was paid may fail after that", () => {
  const states: readonly RefundState[] = ["pending", "paid", "failed"];
  const table = states.map((state) => [canBecome(state, "paid"), canBecome(state, "failed")]);
  assert.deepEqual(table, [
    [true, true],
    [false, true],
    [false, false],
  ]);
});

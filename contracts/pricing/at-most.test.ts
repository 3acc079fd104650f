import assert from "node:assert/strict";
import { test } from "node:test";
import { atLeast, atMost } from "./at-most.ts";

test("an amount is kept within its bound, on whichever side of zero", () => {
  const amounts = [-3n, -2n, 0n, 1n];
  assert.deepEqual(
    amounts.map((amount) => atMost(amount, -2n)),
    [-3n, -2n, -2n, -2n],
  );
  assert.deepEqual(
    amounts.map((amount) => atLeast(amount, -2n)),
    [-2n, -2n, 0n, 1n],
  );
});

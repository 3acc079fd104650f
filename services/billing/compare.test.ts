import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./compare.ts";

test("what is less comes first, and equals stay where they are", () => {
  assert.deepEqual([compare(1n, 2n), compare(2n, 1n), compare(2n, 2n)], [-1, 1, 0]);
  assert.deepEqual([compare("a", "b"), compare("b", "a"), compare("a", "a")], [-1, 1, 0]);
});

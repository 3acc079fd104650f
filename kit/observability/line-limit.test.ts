import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createLineLimit } from "./line-limit.ts";

test("the first of each second are let through, and the first after that tells how many were not", () => {
  const clock = createFakeClock();
  const lines = createLineLimit({ clock, perSecond: 2 });
  const take = () => Array.from({ length: 4 }, () => lines.take());
  assert.deepEqual(take(), [0, 0, undefined, undefined]);
  clock.advance(999);
  assert.equal(lines.take(), undefined);
  clock.advance(1);
  assert.deepEqual(take(), [3, 0, undefined, undefined]);
  clock.advance(60_000);
  assert.deepEqual(take(), [2, 0, undefined, undefined]);
});

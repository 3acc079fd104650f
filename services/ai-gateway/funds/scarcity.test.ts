import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { toLeasePath } from "./budget-paths.ts";
import { createScarcity } from "./scarcity.ts";

const path = toLeasePath({ tenantId: "t", userId: "", keyId: "key_1" });
const beside = toLeasePath({ tenantId: "t", userId: "", keyId: "key_2" });
const other = toLeasePath({ tenantId: "u", userId: "", keyId: "key_1" });

test("what was scarce for a path is for two seconds, and for no other path", () => {
  const clock = createFakeClock();
  const scarcity = createScarcity(clock);
  scarcity.notePath(path);
  assert.deepEqual([path, beside, other].map(scarcity.isOf), [true, false, false]);
  clock.advance(1_999);
  scarcity.sweep();
  assert.ok(scarcity.isOf(path));
  clock.advance(1);
  scarcity.sweep();
  assert.ok(!scarcity.isOf(path));
});

test("what was scarce is forgotten by the first look after its two seconds, and nothing before", () => {
  const clock = createFakeClock();
  const scarcity = createScarcity(clock);
  scarcity.notePath(path);
  clock.advance(1_000);
  scarcity.noteTenant("t");
  clock.advance(999);
  scarcity.sweep();
  assert.equal(scarcity.size, 2);
  clock.advance(1);
  scarcity.sweep();
  assert.equal(scarcity.size, 1);
  clock.advance(1_000);
  scarcity.sweep();
  assert.equal(scarcity.size, 0);
});

test("what was scarce for a tenant is so for all of its paths, from the last time on", () => {
  const clock = createFakeClock();
  const scarcity = createScarcity(clock);
  scarcity.noteTenant("t");
  clock.advance(1_500);
  assert.deepEqual([path, beside, other].map(scarcity.isOf), [true, true, false]);
  scarcity.noteTenant("t");
  clock.advance(1_999);
  assert.ok(scarcity.isOf(path));
  clock.advance(1);
  assert.ok(!scarcity.isOf(path));
});

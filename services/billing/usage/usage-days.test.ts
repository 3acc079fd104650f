import assert from "node:assert/strict";
import { test } from "node:test";
import { dayOf, isDayMissing, isKnownAttempt } from "./usage-days.ts";

const errorOf = (facts: object) => Object.assign(new Error("refused"), facts);

test("a time lies on its day in UTC", () => {
  const midnight = Date.UTC(2026, 10, 25);
  assert.deepEqual([midnight - 1, midnight, midnight + 86_399_999].map(dayOf), [
    ...["2026-11-24", "2026-11-25", "2026-11-25"],
  ]);
});

test("that a row's day is not open is told from every other refusal, that of the row itself among them", () => {
  const missing = { code: "23514", table_name: "usage" };
  assert.ok(isDayMissing(errorOf(missing)));
  assert.ok(isDayMissing(errorOf({ ...missing, constraint_name: "" })));
  for (const other of [
    { ...missing, constraint_name: "usage_cost_nanos_check" },
    { ...missing, table_name: "usage_20261125" },
    { code: "23514" },
    { ...missing, code: "23505" },
    { table_name: "usage" },
  ]) {
    assert.equal(isDayMissing(errorOf(other)), false, JSON.stringify(other));
  }
  for (const thrown of [missing, new Error("23514"), undefined, "23514"]) assert.equal(isDayMissing(thrown), false);
});

test("that an attempt is known is told by the key of its day, and by no other key", () => {
  const known = { code: "23505", table_name: "usage_20261125" };
  assert.ok(isKnownAttempt(errorOf(known)));
  for (const other of [
    { ...known, table_name: "usage_sum" },
    { ...known, table_name: "usage_202611251" },
    { ...known, table_name: "old_usage_20261125" },
    { ...known, table_name: "usage_2026112" },
    { ...known, code: "23514" },
    { code: "23505" },
    { table_name: "usage_20261125" },
  ]) {
    assert.equal(isKnownAttempt(errorOf(other)), false, JSON.stringify(other));
  }
  for (const thrown of [known, new Error("23505"), undefined, "23505"]) assert.equal(isKnownAttempt(thrown), false);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closableUntilMs, periodAt, periodName } from "./period.ts";

test("periods follow each other without gap or overlap, whatever the day on which they begin", () => {
  const { between } = createSeeded(1);
  for (let i = 0; i < 2_000; i++) {
    const anchorDay = between(1, 28);
    const timeMs = between(0, 4_000_000_000) * 1_000 + between(0, 999);
    const { startMs, endMs } = periodAt(timeMs, anchorDay);
    assert.ok(startMs <= timeMs && timeMs < endMs);
    assert.equal(new Date(startMs).getUTCDate(), anchorDay);
    assert.equal(periodAt(startMs - 1, anchorDay).endMs, startMs);
    assert.equal(periodAt(endMs, anchorDay).startMs, endMs);
  }
});

test("a period is named by its first day, and may be closed when the grace behind its end is over", () => {
  const graceMs = 3_600_000;
  assert.equal(periodName(Date.UTC(2026, 0, 14), 15), "2025-12-15");
  const endMs = Date.UTC(2026, 1, 1);
  assert.equal(closableUntilMs(endMs + graceMs, 1, graceMs), endMs);
  assert.equal(closableUntilMs(endMs + graceMs - 1, 1, graceMs), Date.UTC(2026, 0, 1));
});

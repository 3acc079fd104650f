import assert from "node:assert/strict";
import { test } from "node:test";
import { readHttpDateMs, readMs, readRetryAfterMs } from "./retry-after.ts";

const nowMs = Date.UTC(2026, 10, 27, 5);

test("Retry-After is read in seconds and as a date, counted from the time that is given", () => {
  assert.equal(readRetryAfterMs("2", nowMs), 2_000);
  assert.equal(readRetryAfterMs("0", undefined), 0);
  assert.equal(readRetryAfterMs("0.2501", nowMs), 251);
  assert.equal(readRetryAfterMs("Fri, 27 Nov 2026 05:01:30 GMT", nowMs), 90_000);
  assert.equal(readRetryAfterMs("Fri, 27 Nov 2026 04:59:00 GMT", nowMs), 0, "it is over");
  assert.equal(readRetryAfterMs("Fri, 27 Nov 2026 05:01:30 GMT", undefined), undefined);
});

test("what is neither asks for nothing", () => {
  for (const wrong of [
    undefined,
    "",
    "-1",
    "soon",
    "1e3",
    "0x10",
    "2026-11-27",
    "Infinity",
    "1,5",
    "9999999999",
    "x GMT",
  ]) {
    assert.equal(readRetryAfterMs(wrong, nowMs), undefined, String(wrong));
    assert.equal(readMs(wrong, 1), undefined, String(wrong));
    assert.equal(readHttpDateMs(wrong), undefined, String(wrong));
  }
});

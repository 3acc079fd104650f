import assert from "node:assert/strict";
import { test } from "node:test";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { makeTraffic } from "./demo-traffic.ts";

/** A Friday. */
const endMs = Date.parse("2026-11-27T14:00:00Z");
const dayMs = 86_400_000;
const options = { seed: "1", days: 28, calls: 3_000, endMs };
const traffic = makeTraffic(options);
const begun = traffic.filter(({ attempt }) => attempt === 1);

test("the same seed makes the same traffic to the last token, another one other traffic", () => {
  assert.deepEqual(makeTraffic(options), traffic);
  assert.notDeepEqual(makeTraffic({ ...options, seed: "2" })[0]?.callId, traffic[0]?.callId);
});

test("as many calls as were asked for, oldest first, each with a name of its own, none outside of the time", () => {
  assert.equal(begun.length, options.calls);
  assert.equal(new Set(begun.map(({ callId }) => callId)).size, options.calls);
  const times = begun.map(({ startedAtMs }) => Number(startedAtMs));
  assert.deepEqual(
    times,
    times.toSorted((one, other) => one - other),
  );
  assert.ok((times[0] ?? 0) >= endMs - options.days * dayMs && (times.at(-1) ?? endMs) < endMs);
});

test("a working day has more calls than a Sunday, a morning more than a night, the last week more than the first", () => {
  const count = (isCounted: (start: Date) => boolean) =>
    begun.filter(({ startedAtMs }) => isCounted(new Date(Number(startedAtMs)))).length;
  assert.ok(count((start) => start.getUTCDay() === 3) > 2 * count((start) => start.getUTCDay() === 0));
  assert.ok(count((start) => start.getUTCHours() === 10) > 2 * count((start) => start.getUTCHours() === 5));
  const weekMs = 7 * dayMs;
  assert.ok(
    count((start) => start.getTime() >= endMs - weekMs) > count((start) => start.getTime() < endMs - 3 * weekMs),
  );
});

test("calls end in every way, what failed and what the cache answered used no token, and a call that went on is paid once", () => {
  const outcomes = new Set(traffic.map(({ outcome }) => outcome));
  const { COMPLETED, FAILED, CANCELED, TRUNCATED, CACHED } = CallOutcome;
  for (const outcome of [COMPLETED, FAILED, CANCELED, TRUNCATED, CACHED])
    assert.ok(outcomes.has(outcome), `${outcome}`);
  for (const { outcome, tokens } of traffic) {
    if (outcome === FAILED || outcome === CACHED) assert.equal(tokens?.inputTokens, 0n);
  }
  const followed = new Set(traffic.filter(({ attempt }) => attempt === 2).map(({ callId }) => callId));
  assert.ok(followed.size > 0);
  for (const { callId, attempt, isUncharged = false } of traffic) {
    assert.equal(isUncharged, attempt === 1 && followed.has(callId));
  }
});

test("what failed says why, and only of streamed answers it is told when they began", () => {
  for (const { outcome, error, isStreamed, firstTokenMs = 0, latencyMs = 0n } of traffic) {
    assert.equal(Boolean(error), outcome === CallOutcome.FAILED || outcome === CallOutcome.TRUNCATED);
    if (firstTokenMs > 0) assert.ok(isStreamed && firstTokenMs <= Math.max(1, Number(latencyMs)));
  }
  assert.ok(traffic.some(({ firstTokenMs = 0 }) => firstTokenMs > 0));
  assert.ok(new Set(traffic.map(({ error }) => error)).size >= 5);
});

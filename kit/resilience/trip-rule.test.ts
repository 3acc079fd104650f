import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "../testing/seeded-random.ts";
import { platformDefaults, seedDefaults } from "./presets.ts";
import { createTripRule, type TripRule } from "./trip-rule.ts";

const trip = platformDefaults.breaker.trip;

/** Records `count` ends at one time; true when the last one trips. */
function record(rule: TripRule, count: number, isFailure: boolean, nowMs: number): boolean {
  let trips = false;
  for (let i = 0; i < count; i++) trips = rule.record(isFailure, nowMs);
  return trips;
}

test("failures in a row trip from the given number on, and a success ends the row", () => {
  const rule = createTripRule(seedDefaults.breaker.trip);
  assert.equal(record(rule, 4, true, 0), false);
  assert.equal(record(rule, 1, false, 0), false);
  assert.equal(record(rule, 4, true, 0), false);
  assert.equal(record(rule, 1, true, 0), true);
  rule.clear();
  assert.equal(record(rule, 4, true, 0), false);
});

test("nineteen calls never trip, however many failed; the twentieth does", () => {
  const rule = createTripRule(trip);
  assert.equal(record(rule, 19, true, 5), false);
  assert.equal(record(rule, 1, true, 5), true);
});

test("exactly half trips, one less does not, and a success never does", () => {
  const half = createTripRule(trip);
  record(half, 10, false, 0);
  assert.equal(record(half, 9, true, 0), false);
  assert.equal(record(half, 1, true, 0), true);
  const less = createTripRule(trip);
  record(less, 11, false, 0);
  assert.equal(record(less, 10, true, 0), false);
  assert.equal(record(less, 1, true, 0), true);
  const last = createTripRule(trip);
  record(last, 19, true, 0);
  assert.equal(record(last, 1, false, 0), false);
});

test("a share that no binary fraction has is met exactly: 3 of 30 are a tenth", () => {
  const rule = createTripRule({ ...trip, failureRatio: 0.1 });
  record(rule, 27, false, 0);
  assert.equal(record(rule, 2, true, 0), false);
  assert.equal(record(rule, 1, true, 0), true);
});

test("what is older than the window does not count; what is younger than nine tenths of it does", () => {
  const expired = createTripRule(trip);
  record(expired, 19, true, 1_000);
  assert.equal(expired.record(true, 31_000), false);
  const kept = createTripRule(trip);
  record(kept, 19, true, 1_000);
  assert.equal(kept.record(true, 1_000 + 29_999), true);
  const slots = createTripRule(trip);
  slots.record(false, 0);
  record(slots, 19, true, 2_999);
  assert.equal(slots.record(true, 29_999), true, "still in the tenth slot");
  const gone = createTripRule(trip);
  gone.record(false, 0);
  record(gone, 18, true, 2_999);
  assert.equal(record(gone, 19, true, 30_000), false, "the first slot is gone");
  assert.equal(gone.record(true, 30_000), true);
});

test("cleared, it counts anew", () => {
  const rule = createTripRule(trip);
  record(rule, 20, true, 0);
  rule.clear();
  assert.equal(record(rule, 19, true, 0), false);
  assert.equal(record(rule, 1, true, 0), true);
});

test("R13: a clock that steps back makes nothing expire and nothing negative", () => {
  const rule = createTripRule(trip);
  record(rule, 10, true, 600_000);
  record(rule, 9, true, 590_000);
  assert.equal(rule.record(true, 300_000), true);
});

test("any sequence of ends trips exactly when a plain list of them says so", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const seeded = createSeeded(seed);
    const windowMs = 1_000;
    const minCalls = seeded.between(1, 20);
    const failureRatio = seeded.between(1, 10) / 10;
    const failureShare = seeded.next();
    const rule = createTripRule({ kind: "ratio", windowMs, minCalls, failureRatio });
    const ends: { readonly slot: number; readonly isFailure: boolean }[] = [];
    let nowMs = 0;
    let baseMs: number | undefined;
    let slot = 0;
    for (let step = 0; step < 300; step++) {
      nowMs += seeded.next() < 0.05 ? seeded.between(0, 2_500) : seeded.between(0, 40);
      const isFailure = seeded.next() < failureShare;
      // Slots of 100 ms from the first end; after a pause longer than the window they begin anew.
      const passed = baseMs === undefined ? Number.POSITIVE_INFINITY : Math.floor((nowMs - baseMs) / 100);
      if (passed >= 10) {
        ends.length = 0;
        baseMs = nowMs;
      } else if (baseMs !== undefined) {
        slot += passed;
        baseMs += passed * 100;
      }
      ends.push({ slot, isFailure });
      const live = ends.filter((end) => end.slot > slot - 10);
      const failures = live.filter((end) => end.isFailure).length;
      const isTripped = isFailure && live.length >= minCalls && failures / live.length >= failureRatio;
      assert.equal(rule.record(isFailure, nowMs), isTripped, `seed ${seed}, step ${step}`);
    }
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import {
  availableOf,
  type Budget,
  budgetPeriods,
  type Calendar,
  reachedPercent,
  rollOver,
  unusedOf,
  windowAt,
} from "./model.ts";

const at = (text: string) => Date.parse(text);
const calendarOf = (period: Calendar["period"], timeZone = "UTC", resetDay = 1): Calendar => ({
  ...{ period, timeZone, resetDay },
});

function windowOf(calendar: Calendar, time: string): readonly (string | null)[] {
  const { startsAt, endsAt } = windowAt(calendar, at(time));
  return [startsAt.toISOString(), endsAt?.toISOString() ?? null];
}

function budgetOf(more: Partial<Budget> = {}): Budget {
  const calendar = calendarOf("day");
  return {
    ...{ budgetId: "bud_1", tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", unit: "calls", limit: 100n },
    ...{ ...calendar, alertPercents: [50, 80, 100], window: windowAt(calendar, at("2026-03-10T12:00:00Z")) },
    ...{ used: 0n, reserved: 0n, alertedPercent: 0, isRefusalSaid: false },
    ...{ createdAt: new Date(0), updatedAt: new Date(0) },
    ...more,
  };
}

test("periods follow the calendar of their zone", () => {
  const noon = "2026-03-10T12:34:56.789Z";
  assert.deepEqual(windowOf(calendarOf("minute"), noon), ["2026-03-10T12:34:00.000Z", "2026-03-10T12:35:00.000Z"]);
  assert.deepEqual(windowOf(calendarOf("hour"), noon), ["2026-03-10T12:00:00.000Z", "2026-03-10T13:00:00.000Z"]);
  assert.deepEqual(windowOf(calendarOf("hour", "Asia/Kolkata"), noon), [
    ...["2026-03-10T12:30:00.000Z", "2026-03-10T13:30:00.000Z"],
  ]);
  assert.deepEqual(windowOf(calendarOf("day"), noon), ["2026-03-10T00:00:00.000Z", "2026-03-11T00:00:00.000Z"]);
  assert.deepEqual(windowOf(calendarOf("day", "Asia/Shanghai"), "2026-03-10T16:00:00Z"), [
    ...["2026-03-10T16:00:00.000Z", "2026-03-11T16:00:00.000Z"],
  ]);
  assert.deepEqual(windowOf(calendarOf("month"), noon), ["2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z"]);
  assert.deepEqual(windowOf(calendarOf("month", "UTC", 11), noon), [
    ...["2026-02-11T00:00:00.000Z", "2026-03-11T00:00:00.000Z"],
  ]);
  assert.deepEqual(windowOf(calendarOf("total"), noon), ["1970-01-01T00:00:00.000Z", null]);
});

test("a day on which clocks change is as long as it is", () => {
  const berlin = calendarOf("day", "Europe/Berlin");
  assert.deepEqual(windowOf(berlin, "2026-03-29T12:00:00Z"), ["2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]);
  assert.deepEqual(windowOf(berlin, "2026-10-25T12:00:00Z"), ["2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"]);
});

test("whatever the zone and the time, a period holds the time that it is asked for, and the next one begins where it ends or later", () => {
  const seed = 7;
  const { between } = createSeeded(seed);
  // Half hours, clocks that change at midnight or by half an hour, and a day that was left out.
  const zones = ["UTC", "Asia/Shanghai", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"];
  for (let round = 0; round < 3_000; round++) {
    const calendar = calendarOf(
      budgetPeriods[between(0, 3)] ?? "day",
      zones[between(0, zones.length - 1)],
      between(1, 28),
    );
    const nowMs = at("2011-01-01T00:00:00Z") + between(0, 15 * 365 * 24 * 60) * 60_000 + between(0, 59_999);
    const { startsAt, endsAt } = windowAt(calendar, nowMs);
    const where = `seed ${seed}: ${JSON.stringify(calendar)} at ${new Date(nowMs).toISOString()}`;
    assert.ok(endsAt && startsAt.getTime() <= nowMs && nowMs < endsAt.getTime(), where);
    assert.ok(windowAt(calendar, endsAt.getTime()).startsAt.getTime() >= startsAt.getTime() + 1, where);
  }
});

test("a budget starts anew with its next period, never earlier, and never for a clock that goes back", () => {
  const taken = budgetOf({ used: 60n, reserved: 10n, alertedPercent: 50, isRefusalSaid: true });
  assert.equal(rollOver(taken, at("2026-03-10T23:59:59.999Z")), taken);
  assert.equal(rollOver(taken, at("2026-03-09T00:00:00Z")), taken);
  const fresh = rollOver(taken, at("2026-03-11T00:00:00Z"));
  assert.deepEqual([fresh.used, fresh.reserved, fresh.alertedPercent, fresh.isRefusalSaid], [0n, 0n, 0, false]);
  assert.equal(fresh.window.endsAt?.toISOString(), "2026-03-12T00:00:00.000Z");
  const total = budgetOf({ period: "total", window: windowAt(calendarOf("total"), 0), used: 60n });
  assert.equal(rollOver(total, at("2126-03-11T00:00:00Z")), total);
});

test("a mark is reached at its exact part of the limit", () => {
  const percentAt = (used: bigint, limit = 1_000n) => reachedPercent(budgetOf({ used, limit }));
  assert.deepEqual([percentAt(499n), percentAt(500n), percentAt(799n), percentAt(800n)], [0, 50, 50, 80]);
  assert.deepEqual([percentAt(999n), percentAt(1_000n), percentAt(9_999n), percentAt(0n, 0n)], [80, 100, 100, 100]);
});

test("new calls may set aside what is neither used nor set aside, and in the end what is not used; never less than nothing", () => {
  const left = (more: Partial<Budget>) => [availableOf(budgetOf(more)), unusedOf(budgetOf(more))];
  assert.deepEqual(left({ used: 30n, reserved: 20n }), [50n, 70n]);
  assert.deepEqual(left({ used: 60n, reserved: 60n }), [0n, 40n]);
  assert.deepEqual(left({ used: 101n }), [0n, 0n]);
});

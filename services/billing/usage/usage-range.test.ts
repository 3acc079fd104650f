import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { UsageUnit } from "../model.ts";
import { type UsageRangeInput, usageRangeOf } from "./usage-range.ts";

const nowMs = Date.UTC(2026, 10, 25, 12, 34, 56);
const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
const rangeOf = (unit: UsageUnit, more: Partial<UsageRangeInput> = {}) =>
  usageRangeOf({ unit, fromMs: undefined, toMs: undefined, ...more }, { nowMs, keptMinuteDays: 3, keptTagDays: 50 });
const shown = (unit: UsageUnit, more: Partial<UsageRangeInput> = {}) => {
  const { from, to } = rangeOf(unit, more);
  return [from.toISOString(), to.toISOString()];
};
const refusal = (unit: UsageUnit, more: Partial<UsageRangeInput>) => {
  try {
    rangeOf(unit, more);
  } catch (err) {
    assert.ok(isFailure(err, kitFailures.invalid_request));
    assert.equal(err.details["field"], "from");
    return `${err.details["reason"]} ${err.details["reason_zh_CN"]}`;
  }
  return undefined;
};

test("where nothing is said it is the usual time before now, from the beginning of a unit on", () => {
  const to = new Date(nowMs).toISOString();
  assert.deepEqual(shown("minute"), ["2026-11-25T11:34:00.000Z", to]);
  assert.deepEqual(shown("hour"), ["2026-11-24T12:00:00.000Z", to]);
  assert.deepEqual(shown("day"), ["2026-10-26T00:00:00.000Z", to]);
  assert.deepEqual(shown("month"), ["2025-11-01T00:00:00.000Z", to]);
});

test("where rows are summed up it is no longer than a week", () => {
  const week = "2026-11-18T00:00:00.000Z";
  assert.equal(shown("day", { tagsFrom: "rows" })[0], week);
  assert.equal(shown("hour", { tagsFrom: "rows" })[0], "2026-11-24T12:00:00.000Z", "which is shorter");
  const toMs = nowMs;
  assert.equal(refusal("day", { tagsFrom: "rows", toMs, fromMs: toMs - 7 * dayMs }), undefined);
  assert.equal(
    refusal("day", { tagsFrom: "rows", toMs, fromMs: toMs - 7 * dayMs - 1 }),
    "must be at most 7 days before 'to' for several tags, by minute, or by hour with a key or user 组合多个标签、按 minute 汇总或按 hour 汇总并指定密钥或用户时，与 to 的间隔不得超过 7 天",
  );
});

test("one tag has the usual ranges, as far back as its sums are kept", () => {
  assert.deepEqual(shown("day", { tagsFrom: "sums" }), shown("day"));
  const fromMs = nowMs - 50 * dayMs;
  assert.equal(refusal("day", { tagsFrom: "sums", fromMs }), undefined);
  assert.equal(
    refusal("day", { tagsFrom: "sums", fromMs: fromMs - 1 }),
    "is too long ago by tag: sums by tag are kept for 50 days 过早，无法按标签汇总：标签汇总数据仅保留 50 天",
  );
  assert.equal(refusal("day", { fromMs: fromMs - 1 }), undefined);
});

test("a range that is asked for is that range, with the unit in which it begins", () => {
  const [fromMs, toMs] = [Date.UTC(2026, 10, 3, 4, 5, 6), Date.UTC(2026, 10, 4, 5, 6, 7)];
  const to = "2026-11-04T05:06:07.000Z";
  assert.deepEqual(shown("hour", { fromMs, toMs }), ["2026-11-03T04:00:00.000Z", to]);
  assert.deepEqual(shown("day", { fromMs, toMs }), ["2026-11-03T00:00:00.000Z", to]);
  assert.deepEqual(shown("month", { fromMs, toMs }), ["2026-11-01T00:00:00.000Z", to]);
  assert.deepEqual(shown("hour", { toMs }), ["2026-11-03T05:00:00.000Z", to]);
});

test("a range that is empty, or longer than its unit allows, is refused in both languages", () => {
  const toMs = nowMs;
  const empty = "must lie before 'to' 必须早于 to";
  assert.deepEqual(
    [refusal("hour", { fromMs: toMs, toMs }), refusal("hour", { fromMs: toMs + 1, toMs })],
    [empty, empty],
  );
  assert.equal(refusal("hour", { fromMs: toMs - 1, toMs }), undefined);
  const longest: readonly (readonly [UsageUnit, number, string, string])[] = [
    ["minute", dayMs, "24 hours", "24 小时"],
    ["hour", 31 * dayMs, "31 days", "31 天"],
    ["day", 366 * dayMs, "366 days", "366 天"],
    ["month", 1_830 * dayMs, "1,830 days", "1830 天"],
  ];
  for (const [unit, lengthMs, most, mostZh] of longest) {
    assert.equal(refusal(unit, { fromMs: toMs - lengthMs, toMs }), undefined);
    assert.equal(
      refusal(unit, { fromMs: toMs - lengthMs - 1, toMs }),
      `must be at most ${most} before 'to' by ${unit} 按 ${unit} 汇总时与 to 的间隔不得超过 ${mostZh}`,
    );
  }
});

test("minutes that are no longer kept are not asked for; hours of that time are", () => {
  const fromMs = nowMs - 3 * dayMs;
  const toMs = fromMs + hourMs;
  assert.equal(refusal("minute", { fromMs, toMs }), undefined);
  assert.equal(
    refusal("minute", { fromMs: fromMs - 1, toMs }),
    "is too long ago by minute: minutes are kept for 3 days; ask by hour 过早，无法按分钟汇总：分钟数据仅保留 3 天，请按小时查询",
  );
  assert.equal(refusal("hour", { fromMs: fromMs - minuteMs, toMs }), undefined);
});

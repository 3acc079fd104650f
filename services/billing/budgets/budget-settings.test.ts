import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { budgetFields, maxAlerts, maxLimit, maxLimitsPerUser } from "./budget-fields.ts";
import { budgetSettings, toAmount, toDefaultLimits } from "./budget-settings.ts";

const settings = z.object(budgetSettings);
const quotaOf = (limit: object) => ({ defaultUserQuota: [{ unit: "money", limit: "1", period: "day", ...limit }] });
/** What is refused of settings, and the first reason. */
function refusalOf(input: object): readonly unknown[] {
  const [issue] = settings.safeParse(input).error?.issues ?? [];
  return issue ? [issue.path.join("."), issue.message] : [];
}
const isTaken = (schema: z.ZodType, values: readonly unknown[]) =>
  values.map((value) => schema.safeParse(value).success);

test("an amount of money has up to nine decimals and is exact; tokens and calls are whole", () => {
  assert.deepEqual(
    [toAmount("money", "0.5"), toAmount("money", "25"), toAmount("money", "0.000000001")],
    [500_000_000n, 25_000_000_000n, 1n],
  );
  assert.deepEqual(
    [toAmount("money", "1.0000000001"), toAmount("money", "1e3"), toAmount("money", "")],
    [undefined, undefined, undefined],
  );
  for (const unit of ["tokens", "calls"] as const) {
    assert.deepEqual([toAmount(unit, "0"), toAmount(unit, "9".repeat(18))], [0n, 10n ** 18n - 1n]);
    for (const text of ["1.5", "", "-1", "1 ", " 1", "x1", "9".repeat(19)])
      assert.equal(toAmount(unit, text), undefined);
  }
});

test("without settings nobody has a quota, and a budget says when half, four fifths and all of it is used", () => {
  assert.deepEqual(settings.parse({}), { defaultUserQuota: [], budgetAlertPercents: [50, 80, 100] });
});

test("a default quota becomes limits that count in UTC months from the first on, unless it says otherwise", () => {
  const parsed = settings.parse({
    defaultUserQuota: [
      { unit: "money", limit: "2.5", period: "month" },
      { unit: "tokens", limit: "1000000", period: "day", timeZone: "Asia/Shanghai", resetDay: 28 },
    ],
    budgetAlertPercents: [90, 10, 90],
  });
  const alertPercents = [10, 90];
  assert.deepEqual(toDefaultLimits(parsed), [
    { unit: "money", limit: 2_500_000_000n, period: "month", timeZone: "UTC", resetDay: 1, alertPercents },
    { unit: "tokens", limit: 1_000_000n, period: "day", timeZone: "Asia/Shanghai", resetDay: 28, alertPercents },
  ]);
});

test("a limit that is no amount is refused before the platform starts, in both languages", () => {
  for (const limit of ["", "x", "1.", ".5", "1.0000000001", "-1", "1234567890.5", "1".repeat(19), "1 ", "$1", "1x"]) {
    const [path, message] = refusalOf(quotaOf({ limit }));
    assert.equal(path, "defaultUserQuota.0.limit", limit);
    assert.match(String(message), /must be a decimal number such as 25 or 0\.50.*必须是十进制数，例如 25 或 0\.50/su);
  }
  for (const limit of ["25", "0.50", "123456789.123456789", "0"]) assert.deepEqual(refusalOf(quotaOf({ limit })), []);
  for (const limit of [
    { unit: "money", limit: "1".repeat(18) },
    { unit: "tokens", limit: "1.5" },
  ]) {
    const [path, message] = refusalOf(quotaOf(limit));
    assert.equal(path, "defaultUserQuota.0");
    assert.match(String(message), /has a limit that is no amount of its unit.*限额与其单位不符/su);
  }
  assert.deepEqual(refusalOf(quotaOf({ unit: "calls", limit: "1".repeat(18) })), []);
  assert.equal(refusalOf(quotaOf({ more: 1 }))[0], "defaultUserQuota.0");
});

test("no person has more limits than there are units and periods", () => {
  assert.equal(maxLimitsPerUser, 15);
  const many = (length: number) => ({
    defaultUserQuota: Array.from({ length }, () => quotaOf({}).defaultUserQuota[0]),
  });
  assert.deepEqual([refusalOf(many(15)), refusalOf(many(16))[0]], [[], "defaultUserQuota"]);
  assert.equal(maxLimit, 1_000_000_000_000_000_000n);
});

test("fields have their bounds: a scope's id, the day of a month, a time zone that exists, and marks from 1 to 100", () => {
  const { scopeKind, scopeId, unit, period, resetDay, timeZone, alertPercents } = budgetFields;
  assert.deepEqual(isTaken(scopeKind, ["tenant", "group", "user", "key", "world"]), [true, true, true, true, false]);
  assert.deepEqual(isTaken(scopeId, ["", "x", "x".repeat(64), "x".repeat(65)]), [false, true, true, false]);
  assert.deepEqual(isTaken(unit, ["money", "tokens", "calls", "wishes"]), [true, true, true, false]);
  assert.deepEqual(isTaken(period, ["minute", "hour", "day", "month", "total", "year"]).indexOf(false), 5);
  assert.deepEqual(isTaken(resetDay, [0, 1, 28, 29, 1.5]), [false, true, true, false, false]);
  assert.deepEqual(isTaken(timeZone, ["UTC", "Asia/Shanghai", "Mars/Olympus", "", "U".repeat(65)]), [
    ...[true, true, false, false, false],
  ]);
  assert.match(
    String(timeZone.safeParse("Mars/Olympus").error?.issues[0]?.message),
    /must be the IANA name of a time zone, such as Asia\/Shanghai.*必须是 IANA 时区名，例如 Asia\/Shanghai/su,
  );
  assert.deepEqual(isTaken(alertPercents, [[], [0], [1], [100], [101], [1.5]]), [
    ...[false, false, true, true, false, false],
  ]);
  const count = (length: number) => Array.from({ length }, (_, i) => i + 1);
  assert.deepEqual([maxAlerts, ...isTaken(alertPercents, [count(10), count(11)])], [10, true, false]);
  assert.deepEqual(alertPercents.parse([100, 9, 50, 9]), [9, 50, 100]);
});

test("each setting says what it is", () => {
  const { properties = {} } = z.toJSONSchema(settings, { io: "input" });
  const quota = (properties["defaultUserQuota"] as { items: { properties: object } }).items.properties;
  const described = { ...properties, ...quota } as Record<string, { description?: string }>;
  const silent = Object.entries(described).filter(
    ([name, { description = "" }]) => name !== "unit" && description === "",
  );
  assert.deepEqual(silent, []);
  assert.match(described["unit"]?.description ?? "", /money, tokens or calls/);
});

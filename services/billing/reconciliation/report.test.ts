import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { parseReportCsv } from "./parse-csv.ts";
import {
  compare,
  customerDelta,
  dayPattern,
  type RecordedSum,
  type ReportLine,
  sumReport,
  tokensOf,
} from "./report.ts";

const line = (more: Partial<ReportLine>): ReportLine => ({
  ...{ day: "2026-11-01", model: "m", account: "", requestId: "", costNanos: 100n },
  ...{ inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 2n },
  ...more,
});
const recorded = (more: Partial<RecordedSum>): RecordedSum => ({
  ...{ day: "2026-11-01", model: "m", costNanos: 100n, unknownAttempts: 0n, estimatedAttempts: 0n },
  ...{ inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 2n },
  ...more,
});
const tolerance = { nanos: 10n, ppm: 0 };

test("a report as CSV is read whatever its columns' order, with quotes, and with columns that mean nothing to us", () => {
  const csv =
    '\uFEFFCost,Model,note,DAY,output_tokens\r\n1.25,"m, ""2""",x,2026-11-01T10:00:00Z,7\n\n0.5,n,,2026-11-02,';
  assert.deepEqual(parseReportCsv(csv), [
    line({ model: 'm, "2"', costNanos: 1_250_000_000n, inputTokens: 0n, outputTokens: 7n }),
    line({ day: "2026-11-02", model: "n", costNanos: 500_000_000n, inputTokens: 0n, outputTokens: 0n }),
  ]);
});

test("what else a line may hold is read, cut to 200 characters, and spaces, a byte order mark within and empty lines mean nothing", () => {
  const long = "x".repeat(201);
  const heading = "day , model,cost,account,request_id,input_tokens,cached_input_tokens";
  const csv = `\r\n${heading}\n2026-11-01,a\uFEFFb , 1 ,${long},${long},123456789012345678,12\n2026-11-01,${long.slice(1)},1,"a""",,,\n2026-11-01,m,1,19",b,1,2,`;
  const cut = long.slice(1);
  assert.deepEqual(parseReportCsv(csv), [
    line({
      ...{ model: "a\uFEFFb", costNanos: 1_000_000_000n, account: cut, requestId: cut },
      ...{ inputTokens: 123_456_789_012_345_678n, cachedInputTokens: 12n, outputTokens: 0n },
    }),
    line({ model: cut, costNanos: 1_000_000_000n, account: 'a"', inputTokens: 0n, outputTokens: 0n }),
    line({
      ...{ costNanos: 1_000_000_000n, account: '19"', requestId: "b", inputTokens: 1n, cachedInputTokens: 2n },
      outputTokens: 0n,
    }),
  ]);
  const rows = Array.from({ length: 10_000 }, () => "2026-11-01,m,1");
  assert.equal(parseReportCsv(["day,model,cost", ...rows].join("\n")).length, 10_000);
  assert.throws(() => parseReportCsv(["day,model,cost", ...rows, "2026-11-01,m,1"].join("\n")), {
    details: {
      ...{ field: "csv", reason: "line 10002 is one too many: at most 10000" },
      reason_zh_CN: "第 10002 行：最多 10000 行",
    },
  });
});

test("what is wrong with a line is said in Chinese, too", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["model,cost\nm,1", "第 1 行：缺少列 day"],
    ["day,model,cost\n2026-13-01,m,1", "第 2 行：日期应形如 2026-11-25"],
    [`day,model,cost\n2026-11-01,${"m".repeat(201)},1`, "第 2 行：模型名称应为 1 到 200 个字符"],
    ["day,model,cost\n2026-11-01,m,x", "第 2 行：费用应形如 1.25"],
    ["day,model,cost,input_tokens\n2026-11-01,m,1,1.5", "第 2 行：input_tokens 应为整数"],
    ['day,model,cost\n2026-11-01,"m"x,1', "第 2 行：引号位置错误"],
  ];
  for (const [csv, reason] of cases) {
    assert.throws(
      () => parseReportCsv(csv),
      (err) => isFailure(err, kitFailures.invalid_request) && err.details["reason_zh_CN"] === reason,
      csv,
    );
  }
});

test("a report that cannot be read is refused with the number of its line, in both languages", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["model,cost\nm,1", /line 1 has no column 'day'/],
    ["day,model,cost\n2026-13-01,m,1", /line 2 has no day/],
    ["day,model,cost\n,m,1", /line 2 has no day/],
    ["day\n2026-11-01", /line 1 has no column 'model'/],
    ["day,model,cost\n2026-11-01", /line 2 has no model/],
    ["day,model,cost\n2026-11-01,,1", /line 2 has no model/],
    ["day,model,cost\n2026-11-01,m,1\n2026-11-01,m,-1", /line 3 has no cost/],
    ["day,model,cost,output_tokens\n2026-11-01,m,1,1.5", /line 2 has no whole number of output_tokens/],
    ['day,model,cost\n2026-11-01,"m"x,1', /line 2 has a quote in the wrong place/],
    [`day,model,cost\n${"2026-11-01,m,1\n".repeat(10_001)}`, /line 10002 is one too many/],
  ];
  for (const [csv, reason] of cases) {
    assert.throws(
      () => parseReportCsv(csv),
      (err) => {
        assert.ok(isFailure(err, kitFailures.invalid_request));
        assert.match(String(err.details["reason"]), reason);
        assert.match(String(err.details["reason_zh_CN"]), /\p{Script=Han}/u);
        return true;
      },
    );
  }
});

test("each day and model is compared, where either side has nothing as well, and the tolerance is the larger of the two", () => {
  const lines = [line({}), line({ account: "b" }), line({ day: "2026-11-02", costNanos: 1_000_000n })];
  const ours = [
    recorded({ costNanos: 190n }),
    recorded({ day: "2026-11-02", costNanos: 999_000n }),
    recorded({ model: "z", costNanos: 11n }),
  ];
  const states = (ppm: number) =>
    compare(sumReport(lines), ours, { nanos: 10n, ppm }).map(({ day, model, state, deltaNanos }) => [
      day,
      model,
      state,
      deltaNanos,
    ]);
  assert.deepEqual(states(1_000), [
    ["2026-11-01", "m", "matched", 10n],
    ["2026-11-01", "z", "drift", -11n],
    ["2026-11-02", "m", "matched", 1_000n],
  ]);
  assert.deepEqual(states(999)[2], ["2026-11-02", "m", "drift", 1_000n]);
});

test("tokens of each kind and costs are added up on both sides, whatever the account, and told beside each other", () => {
  const [one, two] = [
    line({ cachedInputTokens: 4n }),
    line({ cachedInputTokens: 4n, outputTokens: 8n, costNanos: 5n }),
  ];
  const tokens = { inputTokens: 2n, cachedInputTokens: 8n, outputTokens: 10n };
  const names = { day: "2026-11-01", model: "m", account: "" };
  assert.deepEqual(sumReport([one, two]), [{ ...names, ...tokens, costNanos: 105n }]);
  const ours = recorded({ inputTokens: 3n, cachedInputTokens: 5n, outputTokens: 7n, estimatedAttempts: 2n });
  for (const lines of [
    [one, two],
    [one, { ...two, account: "b" }],
  ]) {
    assert.deepEqual(compare(sumReport(lines), [ours], tolerance), [
      {
        ...{ ...names, ...tokens, costNanos: 105n, state: "matched", recordedNanos: 100n, deltaNanos: 5n },
        ...{ unknownAttempts: 0n, estimatedAttempts: 2n },
        recordedTokens: { inputTokens: 3n, cachedInputTokens: 5n, outputTokens: 7n },
      },
    ]);
  }
  const [missing] = compare(sumReport([one]), [], tolerance);
  assert.deepEqual(
    [missing?.recordedNanos, missing?.unknownAttempts, missing?.estimatedAttempts, missing?.recordedTokens],
    [0n, 0n, 0n, { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n }],
  );
  assert.equal(tokensOf({ inputTokens: 1n, cachedInputTokens: 20n, outputTokens: 300n }), 321n);
});

test("a day is a year, a month and a day, and nothing around them", () => {
  const days = ["2026-11-01", "2026-11-01T", " 2026-11-01", "2026-1-01", "2026-11-1", "26-11-01"];
  assert.deepEqual(
    days.map((day) => dayPattern.test(day)),
    [true, false, false, false, false, false],
  );
});

test("where we have no price for some of it, a day and model is neither matched nor drifted", () => {
  const [difference] = compare(sumReport([line({})]), [recorded({ costNanos: 0n, unknownAttempts: 1n })], tolerance);
  assert.equal(difference?.state, "unknown");
});

test("an account is named where a report names one for a day and model, and not where it names several", () => {
  const accounts = (...names: string[]) =>
    compare(sumReport(names.map((account) => line({ account }))), [], tolerance).map(({ account }) => account);
  assert.deepEqual([accounts("a"), accounts("a", "b")], [["a"], [""]]);
});

test("an estimate that was too high is given back whole; one that was too low is raised within two bounds", () => {
  const delta = (chargedNanos: bigint, trueNanos: bigint, availableNanos: bigint, ppm = 1_000_000) =>
    customerDelta({ chargedNanos, trueNanos, availableNanos }, ppm);
  assert.equal(delta(100n, 30n, 0n), -70n);
  assert.equal(delta(100n, 150n, 1_000n), 50n);
  assert.equal(delta(100n, 350n, 1_000n), 100n);
  assert.equal(delta(100n, 150n, 20n), 20n);
  assert.equal(delta(100n, 150n, 1_000n, 100_000), 10n);
  assert.equal(delta(100n, 100n, 0n), 0n);
});

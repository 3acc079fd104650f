import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { parseNanos } from "../model.ts";
import { dayPattern, type ReportLine } from "./report.ts";

const columns = [
  ...["day", "model", "account", "request_id", "input_tokens", "cached_input_tokens", "output_tokens", "cost"],
] as const;
type Column = (typeof columns)[number];
const required: readonly Column[] = ["day", "model", "cost"];
const maxLines = 10_000;

/**
 * The lines of a report as CSV (RFC 4180) with a heading. `day`, `model` and `cost` are needed, `account`, `request_id` and tokens may
 * be left out, and other columns are passed over. Throws `kit.invalid_request` that names the line.
 */
export function parseReportCsv(csv: string): readonly ReportLine[] {
  const [heading = [], ...rows] = splitCsv(csv.replace(/^\uFEFF/, ""));
  const places = new Map(heading.map((name, i) => [name.trim().toLowerCase(), i]));
  const missing = required.find((name) => !places.has(name));
  if (missing !== undefined) throw invalid(1, `has no column '${missing}'`, `缺少列 ${missing}`);
  if (rows.length > maxLines)
    throw invalid(maxLines + 2, `is one too many: at most ${maxLines}`, `最多 ${maxLines} 行`);
  return rows.map((cells, i) => toLine((column) => cells[places.get(column) ?? -1]?.trim() ?? "", i + 2));
}

function toLine(cell: (column: Column) => string, line: number): ReportLine {
  const day = cell("day").slice(0, 10);
  if (Number.isNaN(Date.parse(`${day}T00:00:00Z`)) || !dayPattern.test(day)) {
    throw invalid(line, "has no day such as 2026-11-25", "日期应形如 2026-11-25");
  }
  const model = cell("model");
  if (model === "" || model.length > 200)
    throw invalid(line, "has no model of 1 to 200 characters", "模型名称应为 1 到 200 个字符");
  const costNanos = parseNanos(cell("cost"));
  if (costNanos === undefined) throw invalid(line, "has no cost such as 1.25", "费用应形如 1.25");
  const count = (column: Column): bigint => {
    const text = cell(column) || "0";
    if (!/^\d{1,18}$/.test(text)) throw invalid(line, `has no whole number of ${column}`, `${column} 应为整数`);
    return BigInt(text);
  };
  return {
    ...{ day, model, costNanos, account: cell("account").slice(0, 200), requestId: cell("request_id").slice(0, 200) },
    inputTokens: count("input_tokens"),
    cachedInputTokens: count("cached_input_tokens"),
    outputTokens: count("output_tokens"),
  };
}

/** Fields in quotes may hold commas, line ends and doubled quotes. Empty lines are passed over. */
function splitCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  const field = /("(?:[^"]|"")*"|(?:[^",\r\n][^,\r\n]*)?)(,|\r\n|\n|\r|$)/y;
  while (field.lastIndex < text.length) {
    const line = rows.length + 1;
    const match = field.exec(text);
    if (!match) throw invalid(line, "has a quote in the wrong place", "引号位置错误");
    const [, value = "", end = ""] = match;
    row.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (end === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  if (row.length > 0) rows.push([...row, ""]);
  return rows;
}

function invalid(line: number, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, {
    field: "csv",
    reason: `line ${line} ${reason}`,
    reason_zh_CN: `第 ${line} 行：${reason_zh_CN}`,
  });
}

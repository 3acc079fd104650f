import {
  type GetUsageTotalsResponse,
  getUsageTotals,
  type ListUsageSummaryResponse,
  listUsageSummary,
} from "../../api/gen/client.ts";
import type { ChartSeries } from "../../ui/chart-props.ts";

export type Sum = ListUsageSummaryResponse["data"][number];
export type Totals = GetUsageTotalsResponse;
export type Figures = Totals["total"]["current"];
export type Measure = "spend" | "calls" | "tokens" | "errors";
export type Duration = "latency_ms" | "first_token_ms";

const hourMs = 3_600_000;

/** What can be looked at, in steps of which one bar or point each is drawn. */
export const ranges = {
  hour: { spanMs: hourMs, unit: "minute", stepMs: 60_000 },
  day: { spanMs: 24 * hourMs, unit: "hour", stepMs: hourMs },
  week: { spanMs: 168 * hourMs, unit: "hour", stepMs: hourMs },
  month: { spanMs: 720 * hourMs, unit: "day", stepMs: 24 * hourMs },
} as const;
export type RangeName = keyof typeof ranges;

/** What is told apart. */
export const groups = ["model", "key", "user", "group", "provider"] as const;
export type GroupName = (typeof groups)[number];

/** Steps of a range that ends now, or `back` ranges earlier, as they begin. */
export function stepsOf(range: RangeName, back: number): readonly string[] {
  const { spanMs, stepMs } = ranges[range];
  const last = Math.floor(Date.now() / stepMs) * stepMs - back * spanMs;
  const count = spanMs / stepMs;
  return Array.from({ length: count }, (_, index) => new Date(last - (count - 1 - index) * stepMs).toISOString());
}

function timeOf(range: RangeName, back: number): { readonly from: string; readonly to: string } {
  const steps = stepsOf(range, back);
  const from = steps[0] ?? "";
  return { from, to: new Date(new Date(steps.at(-1) ?? from).getTime() + ranges[range].stepMs).toISOString() };
}

/** What a range came to, in all and by the groups that cost most, beside the range before. */
export function loadTotals(range: RangeName, groupBy: GroupName, signal: AbortSignal): Promise<Totals> {
  return getUsageTotals(
    { query: { ...timeOf(range, 0), compare_from: "previous", group_by: groupBy, limit: 10 } },
    { signal },
  );
}

const maxPages = 10;

/** Sums of a range, by what `groupBy` names. */
export async function loadSums(
  range: RangeName,
  groupBy: GroupName | "",
  back: number,
  signal: AbortSignal,
): Promise<readonly Sum[]> {
  const rows: Sum[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const query = { ...timeOf(range, back), unit: ranges[range].unit, group_by: groupBy, limit: 1_000, cursor };
    const answer = await listUsageSummary({ query }, { signal });
    rows.push(...answer.data);
    if (answer.next_cursor === null) break;
    cursor = answer.next_cursor;
  }
  return rows;
}

/** Of spend in nano-units. Sums in the range of a drawing: exact values stand in the requests. */
export function measureOf(sum: Sum, measure: Measure): number {
  if (measure === "spend") return Number(sum.cost_nanos);
  if (measure === "tokens") return sum.input_tokens + sum.output_tokens;
  return sum[measure];
}

export function totalOf(sums: readonly Sum[], measure: Measure): number {
  return sums.reduce((total, sum) => total + measureOf(sum, measure), 0);
}

/** Undefined where nothing was called. */
export function shareOfErrors({ calls, errors }: Figures): number | undefined {
  return calls === 0 ? undefined : errors / calls;
}

/** How much more than before, as a part of that; undefined where one of the two is not known, or there was none. */
export function changeOf(now: number | undefined, past: number | undefined): number | undefined {
  return now === undefined || !past ? undefined : (now - past) / past;
}

/** The median and the 95th percentile of each step; a gap where there is none. */
export function toDurationSeries(
  sums: readonly Sum[],
  steps: readonly string[],
  duration: Duration,
  names: { readonly p50: string; readonly p95: string },
): readonly ChartSeries[] {
  const byStart = new Map(sums.map((sum) => [new Date(sum.start).getTime(), sum]));
  return (["p50", "p95"] as const).map((percentile) => ({
    name: names[percentile],
    values: steps.map((at) => byStart.get(new Date(at).getTime())?.[duration]?.[percentile] ?? Number.NaN),
  }));
}

import { type ListUsageSummaryResponse, listUsageSummary } from "../../api/gen/client.ts";

export type Sum = ListUsageSummaryResponse["data"][number];
export type Measure = "spend" | "calls" | "tokens";

const hourMs = 3_600_000;

/** What can be looked at, in steps of which one bar or point each is drawn. */
export const ranges = {
  hour: { spanMs: hourMs, unit: "minute", stepMs: 60_000, refreshMs: 5_000 },
  day: { spanMs: 24 * hourMs, unit: "hour", stepMs: hourMs, refreshMs: 15_000 },
  week: { spanMs: 168 * hourMs, unit: "hour", stepMs: hourMs, refreshMs: 60_000 },
  month: { spanMs: 720 * hourMs, unit: "day", stepMs: 24 * hourMs, refreshMs: 60_000 },
} as const;
export type RangeName = keyof typeof ranges;

/** Steps of a range that ends now, or `back` ranges earlier, as they begin. */
export function stepsOf(range: RangeName, back: number): readonly string[] {
  const { spanMs, stepMs } = ranges[range];
  const last = Math.floor(Date.now() / stepMs) * stepMs - back * spanMs;
  const count = spanMs / stepMs;
  return Array.from({ length: count }, (_, index) => new Date(last - (count - 1 - index) * stepMs).toISOString());
}

const maxPages = 10;

/** Sums of a range, by what `groupBy` names. */
export async function loadSums(
  range: RangeName,
  groupBy: string,
  back: number,
  signal: AbortSignal,
): Promise<readonly Sum[]> {
  const steps = stepsOf(range, back);
  const { unit, stepMs } = ranges[range];
  const from = steps[0] ?? "";
  const to = new Date(new Date(steps.at(-1) ?? from).getTime() + stepMs).toISOString();
  const rows: Sum[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const answer = await listUsageSummary(
      { query: { from, to, unit, group_by: groupBy, limit: 1_000, cursor } },
      { signal },
    );
    rows.push(...answer.data);
    if (answer.next_cursor === null) break;
    cursor = answer.next_cursor;
  }
  return rows;
}

/** Of spend in nano-units. Sums in the range of a drawing: exact values stand in the requests. */
export function measureOf(sum: Sum, measure: Measure): number {
  if (measure === "spend") return Number(sum.cost_nanos);
  return measure === "calls" ? sum.calls : sum.input_tokens + sum.output_tokens;
}

export function totalOf(sums: readonly Sum[], measure: Measure): number {
  return sums.reduce((total, sum) => total + measureOf(sum, measure), 0);
}

const maxSeries = 6;

/** One series for each of the largest groups, and one for all others. */
export function toSeries(
  sums: readonly Sum[],
  steps: readonly string[],
  by: string,
  measure: Measure,
  words: { readonly others: string; readonly unknown: string },
) {
  const totals = new Map<string, number>();
  const nameOf = (sum: Sum) => sum.group[by] || words.unknown;
  for (const sum of sums) totals.set(nameOf(sum), (totals.get(nameOf(sum)) ?? 0) + measureOf(sum, measure));
  const ordered = [...totals].sort((a, b) => b[1] - a[1]);
  const shown = ordered.slice(0, maxSeries).map(([name]) => name);
  const places = new Map(steps.map((at, index) => [new Date(at).getTime(), index]));
  const values = new Map<string, number[]>();
  for (const sum of sums) {
    const place = places.get(new Date(sum.start).getTime());
    if (place === undefined) continue;
    const name = shown.includes(nameOf(sum)) ? nameOf(sum) : words.others;
    const line = values.get(name) ?? steps.map(() => 0);
    line[place] = (line[place] ?? 0) + measureOf(sum, measure);
    values.set(name, line);
  }
  const names = [...shown, ...(ordered.length > maxSeries ? [words.others] : [])];
  return { ordered, series: names.map((name) => ({ name, values: values.get(name) ?? steps.map(() => 0) })) };
}

import type { KeptGroup, UsageFigures } from "../model.ts";
import { keptDaysOf, type SummaryDeps } from "./list-usage-summary.ts";
import { invalidFrom, usageRanges } from "./usage-range.ts";
import type { FiguresQuery, Span, TotalsSort } from "./usage-sum-store.ts";

export interface UsageTotalsInput {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly groupId?: string | undefined;
  /** A day before `toMs` when undefined. */
  readonly fromMs: number | undefined;
  /** Now when undefined. */
  readonly toMs: number | undefined;
  /** Where a time of the same length begins that is told beside it: the one that ends where this one begins, or any. */
  readonly compareFromMs: number | "previous" | undefined;
  /** Nothing is told apart when undefined. */
  readonly groupBy: KeptGroup | undefined;
  readonly sort: TotalsSort;
  /** 1 to 100. */
  readonly limit: number;
}

/** The same calls in both times. */
export interface Compared {
  readonly current: UsageFigures;
  /** Undefined where nothing is compared with. */
  readonly compared: UsageFigures | undefined;
}

export interface Range {
  readonly from: Date;
  readonly to: Date;
}

export interface UsageTotals {
  readonly unit: "minute" | "hour";
  readonly current: Range;
  readonly compared: Range | undefined;
  readonly total: Compared;
  readonly groups: readonly (Compared & { readonly name: string })[];
  /** True when there are more than `limit` groups. */
  readonly hasMore: boolean;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
const unitMs = { minute: minuteMs, hour: 60 * minuteMs, day: dayMs } as const;
const { maxMs, most, most_zh_CN } = usageRanges.day;

const nothing: UsageFigures = {
  ...{ calls: 0n, errors: 0n, inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n },
  ...{ costNanos: 0n, uncollectedNanos: 0n },
};

/**
 * What a tenant's calls of a time came to, in all and by one group, with those of a time of the same length beside it: the groups that have
 * the most of what is sorted by, most first; a group that had calls only in the other time is not among them. A time is one of whole
 * minutes, or of whole hours where minutes of one of the two are no longer kept: it begins with the one in which it is to begin, and ends
 * with the one in which it is to end. Calls show up a moment after they are settled. Throws `kit.invalid_request` for a time that is empty,
 * or longer than a year.
 */
export async function getUsageTotals(deps: SummaryDeps, input: UsageTotalsInput): Promise<UsageTotals> {
  const { groupBy, sort, limit, tenantId, userId, keyId, provider, model, groupId } = input;
  const { unit, current, compared } = rangesOf(deps, input);
  const { usageSums } = deps;
  const filter = { tenantId, userId, keyId, provider, model, groupId };
  const sum = async (range: Range | undefined, more: Pick<FiguresQuery, "groupBy" | "names"> = {}) =>
    range ? usageSums.sumFigures({ ...filter, spans: spansOf(range), sort, limit: limit + 1, ...more }) : undefined;
  const [all, allBefore, rows] = await Promise.all([sum(current), sum(compared), groupBy && sum(current, { groupBy })]);
  const shown = rows?.slice(0, limit) ?? [];
  const before = groupBy && (await sum(compared, { groupBy, names: shown.map(({ name }) => name) }));
  const figuresBefore = new Map(before?.map((row) => [row.name, row]));
  return {
    ...{ unit, current, compared },
    total: { current: all?.[0] ?? nothing, compared: allBefore && (allBefore[0] ?? nothing) },
    groups: shown.map((row) => ({
      ...{ name: row.name, current: row, compared: compared && (figuresBefore.get(row.name) ?? nothing) },
    })),
    hasMore: (rows?.length ?? 0) > limit,
  };
}

/** The times, in whole units; throws where one of them cannot be answered. */
function rangesOf(deps: SummaryDeps, { fromMs, toMs, compareFromMs }: UsageTotalsInput) {
  const nowMs = deps.clock.nowMs();
  const endMs = toMs ?? nowMs;
  const startMs = fromMs ?? endMs - dayMs;
  if (startMs >= endMs) throw invalidFrom("must lie before 'to'", "必须早于 to");
  if (endMs - startMs > maxMs) {
    throw invalidFrom(`must be at most ${most} before 'to'`, `与 to 的间隔不得超过 ${most_zh_CN}`);
  }
  const otherMs = compareFromMs === "previous" ? 2 * startMs - endMs : (compareFromMs ?? startMs);
  const minutesFromMs = nowMs - keptDaysOf(deps).keptMinuteDays * dayMs;
  const unit = Math.min(startMs, otherMs) - minuteMs >= minutesFromMs ? "minute" : "hour";
  const [from, to] = [Math.floor(startMs / unitMs[unit]), Math.ceil(endMs / unitMs[unit])];
  const toRange = (first: number): Range => ({
    ...{ from: new Date(first * unitMs[unit]), to: new Date((first + to - from) * unitMs[unit]) },
  });
  const first = compareFromMs === "previous" ? 2 * from - to : Math.floor(otherMs / unitMs[unit]);
  return { unit, current: toRange(from), compared: compareFromMs === undefined ? undefined : toRange(first) } as const;
}

/** A time as days with hours and minutes around them: as few sums as there are to read. */
function spansOf({ from, to }: Range, units: readonly Span["unit"][] = ["day", "hour", "minute"]): readonly Span[] {
  const [unit, ...finer] = units;
  if (unit === undefined || from >= to) return [];
  const lengthMs = unitMs[unit];
  const first = new Date(Math.ceil(from.getTime() / lengthMs) * lengthMs);
  const last = new Date(Math.floor(to.getTime() / lengthMs) * lengthMs);
  if (first >= last) return spansOf({ from, to }, finer);
  return [
    ...spansOf({ from, to: first }, finer),
    { unit, from: first, to: last },
    ...spansOf({ from: last, to }, finer),
  ];
}

import type { KeptGroup, UsageFigures } from "../model.ts";
import { keptDaysOf, type SummaryDeps } from "./list-usage-summary.ts";
import { usageRangeOf } from "./usage-range.ts";
import type { FiguresQuery, TotalsSort } from "./usage-sum-store.ts";

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
  readonly unit: keyof typeof unitMs;
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

const nothing: UsageFigures = {
  ...{ calls: 0n, errors: 0n, inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n },
  ...{ costNanos: 0n, uncollectedNanos: 0n },
};

/**
 * What a tenant's calls of a time came to, in all and by one group, with those of a time of the same length beside it: the groups that have
 * the most of what is sorted by, most first; a group that had calls only in the other time is not among them. A time is one of whole
 * minutes up to a day, of whole hours up to 31 days (or where minutes are no longer kept), and of whole days up to a year: it
 * begins with the unit in which it is to begin, and ends with the one in which it is to end. Calls show up a moment after they are
 * settled. Throws as `usageRangeOf` does.
 */
export async function getUsageTotals(deps: SummaryDeps, input: UsageTotalsInput): Promise<UsageTotals> {
  const { groupBy, sort, limit, tenantId, userId, keyId, provider, model, groupId } = input;
  const { unit, current, compared } = rangesOf(deps, input);
  const { usageSums } = deps;
  const filter = { tenantId, userId, keyId, provider, model, groupId, unit, tag: undefined };
  const sum = async (range: Range | undefined, more: Pick<FiguresQuery, "groupBy" | "names"> = {}) =>
    range ? usageSums.sumFigures({ ...filter, ...range, sort, limit: limit + 1, ...more }) : undefined;
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
  const kept = keptDaysOf(deps);
  const endMs = toMs ?? nowMs;
  const startMs = fromMs ?? endMs - dayMs;
  const otherMs = compareFromMs === "previous" ? 2 * startMs - endMs : compareFromMs;
  const unit = unitOf(endMs - startMs, Math.min(startMs, otherMs ?? startMs), nowMs - kept.keptMinuteDays * dayMs);
  const whole = (from: number, to: number): Range => {
    const end = Math.ceil(to / unitMs[unit]) * unitMs[unit];
    const range = usageRangeOf({ unit, fromMs: from, toMs: to }, { nowMs, ...kept });
    return { from: range.from, to: new Date(end) };
  };
  const current = whole(startMs, endMs);
  if (otherMs === undefined) return { unit, current, compared: undefined };
  const lengthMs = current.to.getTime() - current.from.getTime();
  const from = compareFromMs === "previous" ? current.from.getTime() - lengthMs : otherMs;
  const first = usageRangeOf({ unit, fromMs: from, toMs: from + 1 }, { nowMs, ...kept }).from;
  return { unit, current, compared: { from: first, to: new Date(first.getTime() + lengthMs) } };
}

/** The shortest unit that is kept of such a time. */
function unitOf(lengthMs: number, startMs: number, minutesFromMs: number): keyof typeof unitMs {
  if (lengthMs <= dayMs && startMs - minuteMs >= minutesFromMs) return "minute";
  return lengthMs <= 31 * dayMs ? "hour" : "day";
}

import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { UsageUnit } from "../model.ts";
import { minuteMs } from "./usage-log.ts";

export interface UsageRangeInput {
  readonly unit: UsageUnit;
  /** From the minute, hour, day or month on in which this lies; the usual time before `toMs` when undefined. */
  readonly fromMs: number | undefined;
  /** Exclusive; now when undefined. */
  readonly toMs: number | undefined;
  /** Where tags are asked for: whether they are answered from the sums that are kept, or from the calls' own rows. */
  readonly tagsFrom?: "sums" | "rows" | undefined;
}

const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** How long a range is unless something else is asked for, and how long it may be. */
export const usageRanges = {
  minute: { usualMs: hourMs, maxMs: dayMs, most: "24 hours", most_zh_CN: "24 小时" },
  hour: { usualMs: dayMs, maxMs: 31 * dayMs, most: "31 days", most_zh_CN: "31 天" },
  day: { usualMs: 30 * dayMs, maxMs: 366 * dayMs, most: "366 days", most_zh_CN: "366 天" },
  month: { usualMs: 365 * dayMs, maxMs: 1_830 * dayMs, most: "1,830 days", most_zh_CN: "1830 天" },
} as const satisfies Record<UsageUnit, unknown>;

/** Of calls' own rows there may be many. */
const maxRowsMs = 7 * dayMs;

/** How long sums are kept that are not kept for ever. */
export interface KeptDays {
  readonly keptMinuteDays: number;
  readonly keptTagDays: number;
}

/**
 * The time to sum up: from the beginning of a unit (UTC) on, before a time. Throws `kit.invalid_request` for one that is
 * empty or too long (where rows are summed up: longer than seven days), or by minute or tag where those are no longer kept.
 */
export function usageRangeOf(
  { unit, fromMs, toMs: wantedToMs, tagsFrom }: UsageRangeInput,
  { nowMs, keptMinuteDays, keptTagDays }: KeptDays & { readonly nowMs: number },
): { readonly from: Date; readonly to: Date } {
  const toMs = wantedToMs ?? nowMs;
  const { usualMs, maxMs, most, most_zh_CN } = usageRanges[unit];
  const wantedMs = fromMs ?? toMs - (tagsFrom === "rows" ? Math.min(usualMs, maxRowsMs) : usualMs);
  if (wantedMs >= toMs) throw invalidFrom("must lie before 'to'", "必须早于 to");
  if (toMs - wantedMs > maxMs) {
    throw invalidFrom(
      `must be at most ${most} before 'to' by ${unit}`,
      `按 ${unit} 汇总时与 to 的间隔不得超过 ${most_zh_CN}`,
    );
  }
  if (tagsFrom === "rows" && toMs - wantedMs > maxRowsMs) {
    throw invalidFrom(
      "must be at most 7 days before 'to' for several tags, by minute, or by hour with a key or user",
      "组合多个标签、按 minute 汇总或按 hour 汇总并指定密钥或用户时，与 to 的间隔不得超过 7 天",
    );
  }
  if (tagsFrom === "sums" && wantedMs < nowMs - keptTagDays * dayMs) {
    throw invalidFrom(
      `is too long ago by tag: sums by tag are kept for ${keptTagDays} days`,
      `过早，无法按标签汇总：标签汇总数据仅保留 ${keptTagDays} 天`,
    );
  }
  if (unit === "minute" && wantedMs < nowMs - keptMinuteDays * dayMs) {
    throw invalidFrom(
      `is too long ago by minute: minutes are kept for ${keptMinuteDays} days; ask by hour`,
      `过早，无法按分钟汇总：分钟数据仅保留 ${keptMinuteDays} 天，请按小时查询`,
    );
  }
  return { from: new Date(startOf(unit, wantedMs)), to: new Date(toMs) };
}

function startOf(unit: UsageUnit, timeMs: number): number {
  if (unit === "month") {
    const time = new Date(timeMs);
    return Date.UTC(time.getUTCFullYear(), time.getUTCMonth());
  }
  const lengthMs = { minute: minuteMs, hour: hourMs, day: dayMs }[unit];
  return Math.floor(timeMs / lengthMs) * lengthMs;
}

/** What is wrong with `from`, in both languages. */
export function invalidFrom(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "from", reason, reason_zh_CN });
}

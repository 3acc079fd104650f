import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { decodeCursor, type Page, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageGroup, UsageInterval, UsageSum } from "../model.ts";

export interface ListUsageSummaryInput {
  readonly tenantId: string;
  /** From the interval in which this lies; the last 24 hours or 30 days when undefined. */
  readonly fromMs: number | undefined;
  /** Exclusive; now when undefined. */
  readonly toMs: number | undefined;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly groupBy: UsageGroup | undefined;
  readonly interval: UsageInterval;
  /** 1 to 1,000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const hourMs = 3_600_000;
const dayMs = 86_400_000;
const bounds = {
  hour: { lengthMs: hourMs, usualMs: dayMs, maxDays: 31 },
  day: { lengthMs: dayMs, usualMs: 30 * dayMs, maxDays: 366 },
} as const;

/**
 * A tenant's usage summed up by interval (UTC) and group, by start and then by group; intervals without calls are left out.
 * Calls show up a moment after they are settled, in the hour in which they are. Throws `kit.invalid_request` for a range
 * that is empty or longer than 31 days by hour, 366 by day.
 */
export async function listUsageSummary(
  { usageHours, clock }: Pick<BillingDeps, "usageHours" | "clock">,
  input: ListUsageSummaryInput,
): Promise<Page<UsageSum>> {
  const { tenantId, userId, keyId, groupBy, interval, limit, cursor } = input;
  const range = rangeOf(input, clock.nowMs());
  const [startMs, group] = decodeCursor(cursor, 2) ?? [];
  const after = startMs === undefined || group === undefined ? undefined : { start: toDate(startMs), group };
  const query = { tenantId, userId, keyId, ...range, groupBy, interval, after, limit: limit + 1 };
  const rows = await usageHours.listSums(query);
  return toPage(rows, limit, ({ start, group }) => [String(start.getTime()), group]);
}

/** From the beginning of an interval on, before a time. Throws as `listUsageSummary` does. */
export function rangeOf(
  { fromMs, toMs: wantedToMs, interval }: Pick<ListUsageSummaryInput, "fromMs" | "toMs" | "interval">,
  nowMs: number,
): { readonly from: Date; readonly to: Date } {
  const toMs = wantedToMs ?? nowMs;
  const { lengthMs, usualMs, maxDays } = bounds[interval];
  const wantedMs = fromMs ?? toMs - usualMs;
  if (wantedMs >= toMs) throw invalidRange("must lie before 'to'", "必须早于 to");
  if (toMs - wantedMs > maxDays * dayMs) {
    throw invalidRange(`must be at most ${maxDays} days before 'to'`, `与 to 的间隔不得超过 ${maxDays} 天`);
  }
  return { from: new Date(Math.floor(wantedMs / lengthMs) * lengthMs), to: new Date(toMs) };
}

/** The time in a cursor; the end of time in one that another list gave, after which nothing lies. */
function toDate(ms: string): Date {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? new Date(253_402_300_799_000) : date;
}

function invalidRange(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "from", reason, reason_zh_CN });
}

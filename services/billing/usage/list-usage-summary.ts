import { decodeCursor, type Page, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageGroup, UsageSum } from "../model.ts";
import { type UsageRangeInput, usageRangeOf } from "./usage-range.ts";

export interface ListUsageSummaryInput extends UsageRangeInput {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  /** Each once; nothing for one sum of each unit. */
  readonly groupBy: readonly UsageGroup[];
  /** 1 to 1,000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export type SummaryDeps = Pick<BillingDeps, "usageSums" | "clock" | "usageMinuteRetentionDays">;

/**
 * A tenant's usage summed up by minute, hour, day or month (UTC) in which calls began, and by any groups; by start and then by
 * groups in their order. Where nothing was used there is no sum. Calls show up a moment after they are settled. Throws as
 * `usageRangeOf` does.
 */
export async function listUsageSummary(
  { usageSums, clock, usageMinuteRetentionDays }: SummaryDeps,
  input: ListUsageSummaryInput,
): Promise<Page<UsageSum>> {
  const { fromMs: _from, toMs: _to, limit, cursor, ...query } = input;
  const range = usageRangeOf(input, { nowMs: clock.nowMs(), keptMinuteDays: usageMinuteRetentionDays });
  const [startMs, ...groups] = decodeCursor(cursor, 1 + input.groupBy.length) ?? [];
  const after = startMs === undefined ? undefined : { start: toDate(startMs), groups };
  const rows = await usageSums.listSums({ ...query, ...range, after, limit: limit + 1 });
  return toPage(rows, limit, (row) => [String(row.start.getTime()), ...row.groups]);
}

/** The time in a cursor; the end of time in one that another list gave, after which nothing lies. */
function toDate(ms: string): Date {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? new Date(253_402_300_799_000) : date;
}

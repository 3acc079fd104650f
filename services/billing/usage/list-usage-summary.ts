import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { decodeCursor, type Page, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { KeptGroup, UsageGroup, UsageSum } from "../model.ts";
import { isTagGroup } from "./tag-fields.ts";
import { type UsageRangeInput, usageRangeOf } from "./usage-range.ts";

export interface ListUsageSummaryInput extends UsageRangeInput {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  /** All of which a call must have. */
  readonly tags?: TagsText | undefined;
  /** Each once; nothing for one sum of each unit. */
  readonly groupBy: readonly UsageGroup[];
  /** 1 to 1,000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export type SummaryDeps = Pick<BillingDeps, "usageSums" | "tagSums" | "clock" | "usageMinuteRetentionDays">;

/**
 * A tenant's usage summed up by minute, hour, day or month (UTC) in which calls began, and by any groups; by start and then by
 * groups in their order. Where nothing was used there is no sum. Calls show up a moment after they are settled. Where tags are asked for, the calls' own rows are summed up. Throws as
 * `usageRangeOf` does.
 */
export async function listUsageSummary(
  { usageSums, tagSums, clock, usageMinuteRetentionDays }: SummaryDeps,
  input: ListUsageSummaryInput,
): Promise<Page<UsageSum>> {
  const { fromMs, toMs, limit, cursor, groupBy, tags, ...filter } = input;
  const keptGroups = groupBy.filter((group) => !isTagGroup(group)) as readonly KeptGroup[];
  const isByTag = tags !== undefined || keptGroups.length < groupBy.length;
  const asked = { unit: input.unit, fromMs, toMs, isByTag };
  const range = usageRangeOf(asked, { nowMs: clock.nowMs(), keptMinuteDays: usageMinuteRetentionDays });
  const [startMs, ...groups] = decodeCursor(cursor, 1 + groupBy.length) ?? [];
  const after = startMs === undefined ? undefined : { start: toDate(startMs), groups };
  const query = { ...filter, ...range, after, limit: limit + 1 };
  const rows = await (isByTag
    ? tagSums.listSums({ ...query, groupBy, tags })
    : usageSums.listSums({ ...query, groupBy: keptGroups }));
  return toPage(rows, limit, (row) => [String(row.start.getTime()), ...row.groups]);
}

/** The time in a cursor; the end of time in one that another list gave, after which nothing lies. */
function toDate(ms: string): Date {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? new Date(253_402_300_799_000) : date;
}

import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { decodeCursor, type Page, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { KeptGroup, UsageGroup, UsageSum } from "../model.ts";
import { isTagGroup } from "./tag-fields.ts";
import { type KeptDays, type UsageRangeInput, usageRangeOf } from "./usage-range.ts";

export interface ListUsageSummaryInput extends UsageRangeInput {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly groupId?: string | undefined;
  /** Whether it is to be told how long calls took, which is kept without tags. */
  readonly withDurations?: boolean;
  /** All of which a call must have. */
  readonly tags?: TagsText | undefined;
  /** Each once; nothing for one sum of each unit. */
  readonly groupBy: readonly UsageGroup[];
  /** 1 to 1,000. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export type SummaryDeps = Pick<
  BillingDeps,
  "usageSums" | "tagSums" | "clock" | "usageMinuteRetentionDays" | "usageTagRetentionDays"
>;

/**
 * A tenant's usage summed up by minute, hour, day or month (UTC) in which calls began, and by any groups; by start and then by
 * groups in their order. Where nothing was used there is no sum. Calls show up a moment after they are settled. One tag is answered
 * from sums that are kept, several from the calls' own rows. Throws as `usageRangeOf` does.
 */
export async function listUsageSummary(
  { usageSums, tagSums, clock, ...deps }: SummaryDeps,
  input: ListUsageSummaryInput,
): Promise<Page<UsageSum>> {
  const { fromMs, toMs, limit, cursor, groupBy, tags, withDurations = false, ...filter } = input;
  const tagsFrom = tagsFromOf(input);
  const range = usageRangeOf(
    { unit: input.unit, fromMs, toMs, tagsFrom },
    { nowMs: clock.nowMs(), ...keptDaysOf(deps) },
  );
  const [startMs, ...groups] = decodeCursor(cursor, 1 + groupBy.length) ?? [];
  const after = startMs === undefined ? undefined : { start: toDate(startMs), groups };
  const query = { ...filter, ...range, after, limit: limit + 1 };
  const keptGroups = groupBy.filter((group) => !isTagGroup(group)) as readonly KeptGroup[];
  const list = () => {
    if (tagsFrom === "rows") return tagSums.listSums({ ...query, groupBy, tags });
    if (keptGroups.length === groupBy.length)
      return usageSums.listSums({ ...query, groupBy: keptGroups, tag: tags, withDurations: withDurations && !tags });
    return usageSums.listSumsByTag({ ...query, groupBy });
  };
  const rows = await list();
  return toPage(rows, limit, (row) => [String(row.start.getTime()), ...row.groups]);
}

/** From where a question about tags is answered; undefined for one that asks for none. */
export function tagsFromOf({
  unit,
  groupBy,
  tags,
  userId,
  keyId,
  groupId,
}: Pick<
  ListUsageSummaryInput,
  "unit" | "groupBy" | "tags" | "userId" | "keyId" | "groupId"
>): UsageRangeInput["tagsFrom"] {
  const count = groupBy.filter(isTagGroup).length + (tags === undefined ? 0 : tags.split(",").length);
  if (count === 0) return undefined;
  // By hour tags are kept without key and user, by minute not at all.
  const isByCaller =
    [userId, keyId, groupId].some((id) => id !== undefined) || groupBy.includes("key") || groupBy.includes("user");
  // Groups are told apart by who called, one by one.
  return count > 1 || groupBy.includes("group") || unit === "minute" || (unit === "hour" && isByCaller)
    ? "rows"
    : "sums";
}

export function keptDaysOf({
  usageMinuteRetentionDays,
  usageTagRetentionDays,
}: Pick<BillingDeps, "usageMinuteRetentionDays" | "usageTagRetentionDays">): KeptDays {
  return { keptMinuteDays: usageMinuteRetentionDays, keptTagDays: usageTagRetentionDays };
}

/** The time in a cursor; the end of time in one that another list gave, after which nothing lies. */
function toDate(ms: string): Date {
  const date = new Date(Number(ms));
  return Number.isNaN(date.getTime()) ? new Date(253_402_300_799_000) : date;
}

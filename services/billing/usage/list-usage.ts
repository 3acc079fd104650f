import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";
import type { UsageFilter, UsagePlace } from "./usage-store.ts";

export type ListUsageInput = UsageFilter & PageRequest;

/** A tenant's calls, each attempt by itself, by when they began, newest first. */
export async function listUsage(
  { usage }: Pick<BillingDeps, "usage">,
  { limit, cursor, ...filter }: ListUsageInput,
): Promise<Page<UsageRow>> {
  const rows = await usage.listUsage(filter, toPlace(cursor), limit + 1);
  return toPage(rows, limit, (row) => [String(row.startedAtMs), row.callId, String(row.attempt)]);
}

const maxTimeMs = 8_640_000_000_000_000;
const maxAttempt = 32_767;

function toPlace(cursor: string | undefined): UsagePlace | undefined {
  const [start, callId, attempt] = decodeCursor(cursor, 3) ?? [];
  if (start === undefined || callId === undefined || attempt === undefined) return undefined;
  const place = { startedAtMs: toNumber(start), callId, attempt: toNumber(attempt) };
  if (place.startedAtMs <= maxTimeMs && place.attempt <= maxAttempt) return place;
  throw new Failure(kitFailures.invalid_request, {
    field: "cursor",
    reason: "is not a cursor of this list; leave it out to start at the first page",
    reason_zh_CN: "不是此列表的游标，省略即可从第一页开始",
  });
}

/** NaN, which is less than no number, for a text without digits. */
function toNumber(digits: string): number {
  return /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
}

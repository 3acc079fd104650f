import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";
import type { UsageFilter, UsageOrder, UsagePlace, UsageSort } from "./usage-store.ts";

export type ListUsageInput = UsageFilter & PageRequest & { readonly order?: UsageOrder };

/**
 * A tenant's calls, each attempt by itself: by when they began, newest first, or in another order, in which equal ones go by time. Throws
 * `kit.invalid_request` for a cursor of another order.
 */
export async function listUsage(
  { usage }: Pick<BillingDeps, "usage">,
  { limit, cursor, order = { by: "time", isDescending: true }, ...filter }: ListUsageInput,
): Promise<Page<UsageRow>> {
  const after = order.by === "time" ? toPlace(decodeCursor(cursor, 3)) : toPlaceOfValue(cursor, order);
  const rows = await usage.listUsage(filter, after, limit + 1, order);
  return toPage(rows, limit, (row) => {
    const place = [String(row.startedAtMs), row.callId, String(row.attempt)];
    return order.by === "time" ? place : [nameOf(order), String(sortedBy(row, order.by)), ...place];
  });
}

const maxTimeMs = 8_640_000_000_000_000;
const maxAttempt = 32_767;

function nameOf({ by, isDescending }: UsageOrder): string {
  return isDescending ? `-${by}` : by;
}

function sortedBy({ costNanos, latencyMs }: UsageRow, by: Exclude<UsageSort, "time">): bigint {
  return by === "cost" ? costNanos : latencyMs;
}

function toPlaceOfValue(cursor: string | undefined, order: UsageOrder): UsagePlace | undefined {
  const [name, value, ...keys] = decodeCursor(cursor, 5) ?? [];
  if (name === undefined || value === undefined) return undefined;
  const place = toPlace(keys);
  if (!place || name !== nameOf(order) || !/^\d{1,18}$/.test(value)) throw notACursor();
  return { ...place, value: BigInt(value) };
}

function toPlace([start, callId, attempt]: readonly string[] = []): UsagePlace | undefined {
  if (start === undefined || callId === undefined || attempt === undefined) return undefined;
  const place = { startedAtMs: toNumber(start), callId, attempt: toNumber(attempt) };
  if (place.startedAtMs <= maxTimeMs && place.attempt <= maxAttempt) return place;
  throw notACursor();
}

function notACursor(): Failure {
  return new Failure(kitFailures.invalid_request, {
    field: "cursor",
    reason: "is not a cursor of this list; leave it out to start at the first page",
    reason_zh_CN: "不是此列表的游标，省略即可从第一页开始",
  });
}

/** NaN, which is less than no number, for a text without digits. */
function toNumber(digits: string): number {
  return /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
}

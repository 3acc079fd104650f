import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";
import type { RecordPlace } from "./usage-store.ts";

export interface FollowUsageInput {
  /** All tenants' when undefined. */
  readonly tenantId: string | undefined;
  readonly limit: number;
  /** From an answer before; empty for the end. */
  readonly after: string;
}

export interface FollowedRow {
  readonly row: UsageRow;
  /** Where to go on behind it. */
  readonly place: string;
}

export interface FollowedUsage {
  readonly rows: readonly FollowedRow[];
  readonly next: string;
  /** True when there was no more at that moment. */
  readonly isEnd: boolean;
}

/** Transactions that are looked through at first; twice as many each time that they hold little. */
const firstSpan = 512n;
/** Of one question; whoever asks goes on where it ends. */
const maxSpans = 24;

/**
 * Usage in the order in which it was recorded. What is given is committed, and nothing is ever recorded before a place that was given: it
 * goes no further than the oldest transaction that is under way. Throws `kit.invalid_request` for a place that is none, or that the
 * database has not come to: it was put back to an earlier state then.
 */
export async function followUsage(
  { usage }: Pick<BillingDeps, "usage">,
  { tenantId, limit, after }: FollowUsageInput,
): Promise<FollowedUsage> {
  const horizon = await usage.findRecordHorizon();
  if (after === "") return { rows: [], next: toText(before(horizon)), isEnd: true };
  let place = fromText(after);
  if (place.recordedBy > horizon) throw notAPlace();
  const rows: FollowedRow[] = [];
  let span = firstSpan;
  for (let n = 0; n < maxSpans && place.recordedBy < horizon; n++) {
    let end = place.recordedBy + span;
    if (end > horizon) end = horizon;
    const wanted = limit - rows.length;
    const found = await usage.listRecorded(tenantId, place, end, wanted);
    for (const { recordedBy, ...row } of found) {
      rows.push({ row, place: toText({ recordedBy, callId: row.callId, attempt: row.attempt }) });
    }
    if (found.length === wanted) return { rows, next: rows.at(-1)?.place ?? after, isEnd: false };
    place = before(end);
    span *= 2n;
  }
  return { rows, next: toText(place), isEnd: place.recordedBy >= horizon };
}

function before(recordedBy: bigint): RecordPlace {
  return { recordedBy, callId: "", attempt: 0 };
}

function toText({ recordedBy, callId, attempt }: RecordPlace): string {
  return `${recordedBy}.${attempt}.${callId}`;
}

function fromText(text: string): RecordPlace {
  const [, recordedBy, attempt, callId] = /^(\d{1,18})\.(\d{1,5})\.([^\0]*)$/.exec(text) ?? [];
  if (recordedBy === undefined || Number(attempt) > 32_767) throw notAPlace();
  return { recordedBy: BigInt(recordedBy), callId: callId ?? "", attempt: Number(attempt) };
}

function notAPlace(): Failure {
  return new Failure(kitFailures.invalid_request, {
    field: "after",
    reason: "is not a place in this database's usage; leave it out to begin at the end",
    reason_zh_CN: "不是此数据库用量中的位置，省略即可从末尾开始",
  });
}

import { exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import { scopeFor } from "@lyss/contracts/usage/usage-scope.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { getReceipt } from "../choices/get-receipt.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type Feedback, type FeedbackFilter, type FeedbackGroup, type FeedbackSum, fromScore } from "./feedback.ts";

type Deps = Pick<AiGatewayDeps, "clock" | "feedbackStore">;

const maxSums = 1_000;

/** The newest first. Throws `kit.invalid_request` for a cursor that is none. */
export async function listFeedback(
  { clock, feedbackStore }: Deps,
  { limit, cursor, ...filter }: FeedbackFilter & PageRequest,
): Promise<Page<Feedback>> {
  const now = new Date(clock.nowMs());
  const rows = await feedbackStore.list(filter, { after: placeIn(cursor), limit: limit + 1, now });
  return toPage(rows, limit, (row) => [String(row.createdAt.getTime()), row.feedbackId]);
}

/** The same of one call. Throws `billing.usage_not_found` for one that has no scores that the caller may see and that is not the caller's to know of. */
export async function listCallFeedback(
  deps: Deps & Pick<AiGatewayDeps, "billing" | "choices">,
  { caller, ...asked }: FeedbackFilter & PageRequest & { readonly caller: Caller; readonly callId: string },
): Promise<Page<Feedback>> {
  const page = await listFeedback(deps, asked);
  if (page.rows.length === 0) await getReceipt(deps, { ...scopeFor(caller, {}), callId: asked.callId });
  return page;
}

/** What scores come to, each name by itself; at most a thousand sums, those with the most scores. */
export async function sumFeedback(
  { clock, feedbackStore }: Deps,
  { by, ...filter }: FeedbackFilter & { readonly by: FeedbackGroup },
): Promise<readonly FeedbackSum[]> {
  return feedbackStore.sum(filter, by, { now: new Date(clock.nowMs()), limit: maxSums });
}

/** What a person has given, as an export shows it. */
export async function listFeedbackOf({ feedbackStore }: Pick<Deps, "feedbackStore">, tx: Tx, userId: string) {
  const given = await feedbackStore.listOf(tx, userId, exportedRowsLimit);
  return given.map(({ callId, name, author, comment, createdAt, ...score }) => ({
    ...{ call_id: callId, name, value: fromScore(score), author, comment, created_at: createdAt },
  }));
}

function placeIn(cursor: string | undefined): readonly [Date, string] | undefined {
  const [createdMs, feedbackId] = decodeCursor(cursor, 2) ?? [];
  if (createdMs === undefined || feedbackId === undefined) return undefined;
  if (/^\d{1,15}$/.test(createdMs)) return [new Date(Number(createdMs)), feedbackId];
  throw new Failure(kitFailures.invalid_request, {
    field: "cursor",
    reason: "is not a cursor of this list; leave it out to start at the first page",
    reason_zh_CN: "不是此列表的游标，省略即可从第一页开始",
  });
}

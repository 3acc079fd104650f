import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";
import type { UsageFilter } from "./usage-store.ts";

const rowsPerPage = 1_000;

/**
 * All matching rows, oldest first, a page at a time: the next is read when it is asked for, so memory is bounded whatever
 * the number of rows. No transaction stays open between pages, however slowly they are taken; what was recorded before the
 * export began is in it once, and what comes meanwhile may be.
 */
export async function* exportUsage(
  { usage }: Pick<BillingDeps, "usage">,
  filter: UsageFilter,
): AsyncGenerator<readonly UsageRow[], void, undefined> {
  let last: UsageRow | undefined;
  do {
    const after = last && { startedAtMs: Number(last.startedAtMs), callId: last.callId, attempt: last.attempt };
    const rows = await usage.listUsageForward(filter, after, rowsPerPage);
    if (rows.length > 0) yield rows;
    last = rows.length === rowsPerPage ? rows.at(-1) : undefined;
  } while (last);
}

import { groupLimitReached, userLimitReached } from "@lyss/contracts/events/auth.ts";
import type { AuthDeps } from "../deps.ts";
import type { SubjectReference } from "./subject-limits.ts";

export interface NoteLimitReachedInput extends SubjectReference {
  readonly of: "requests" | "concurrent";
  /** Who met it; empty for nobody in particular, so is the key. */
  readonly userId: string;
  readonly keyId: string;
}

const quietMs = 60_000;

/** Tells that callers meet a limit. False when that was told within the last minute, by whichever node, or there is no such limit. */
export async function noteLimitReached(
  { db, limits, outbox, clock }: Pick<AuthDeps, "db" | "limits" | "outbox" | "clock">,
  { of, userId, keyId, ...reference }: NoteLimitReachedInput,
): Promise<boolean> {
  const now = new Date(clock.nowMs());
  const since = new Date(now.getTime() - quietMs);
  return db.transaction(async (tx) => {
    const told = await limits.markTold(tx, reference, { now, since });
    const limit = of === "requests" ? told?.requestsPerMinute : told?.maxConcurrentRequests;
    if (!told || !limit) return false;
    const { tenantId, subject, subjectId } = reference;
    const event = subject === "group" ? groupLimitReached : userLimitReached;
    await outbox.append(tx, event, { tenantId, subjectId, name: told.name, of, limit, userId, keyId });
    return true;
  });
}

import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { AuthDeps } from "../deps.ts";
import { unansweredGraceMs } from "../session-model.ts";

/** How long a session that ran out is kept to be looked at. */
const keptMs = 30 * 86_400_000;
const limit = 1_000;
/** What was begun with an ephemeral key may last so long, and is asked for all the while. */
const begunLastsMs = 86_400_000;

/**
 * Removes refresh tokens and assertions that have expired, sessions a month after their latest end, ephemeral keys when nothing can last that began with them, and pairs that nobody is given again.
 * At most 1,000 rows of each kind; safe on several nodes at once.
 */
export async function sweepSessions({
  db,
  sessions,
  clock,
  refreshGraceMs,
}: Pick<AuthDeps, "db" | "sessions" | "clock" | "refreshGraceMs">): Promise<void> {
  const nowMs = clock.nowMs();
  await deleteExpired(db, "refresh_token", { now: new Date(nowMs), limit });
  await deleteExpired(db, "client_assertion", { now: new Date(nowMs), limit });
  await deleteExpired(db, "ephemeral_key", { now: new Date(nowMs - begunLastsMs), limit });
  await deleteExpired(db, "session", { now: new Date(nowMs - keptMs), limit });
  const until = { answeredBefore: new Date(nowMs - refreshGraceMs), usedBefore: new Date(nowMs - unansweredGraceMs) };
  await db.transaction((tx) => sessions.deleteSuccessors(tx, until));
}

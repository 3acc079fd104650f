import type { AuthDeps } from "../deps.ts";
import { sayEnded } from "../say-ended.ts";
import type { SessionEnding } from "../session-model.ts";
import type { SessionSelection } from "../session-store.ts";

export interface EndSessionsInput extends SessionSelection, SessionEnding {}

/**
 * Ends the open ones among a person's sessions, on every node; one that waits for a second factor will not begin. A repeat is safe.
 * Gives how many were ended now.
 */
export async function endSessions(
  deps: Pick<AuthDeps, "db" | "sessions" | "challenges" | "outbox" | "clock">,
  { reason, actorId, clientAddress, ...selection }: EndSessionsInput,
): Promise<{ readonly ended: number }> {
  const { userId, sessionId } = selection;
  const ended = await deps.db.transaction(async (tx) => {
    if (sessionId) await deps.challenges.deleteChallengeOf(tx, userId, sessionId);
    return sayEnded(deps, tx, selection, { reason, actorId, clientAddress });
  });
  return { ended };
}

import type { AuthDeps } from "../deps.ts";
import { sayEnded } from "../say-ended.ts";
import type { SessionEnding } from "../session-model.ts";
import type { SessionSelection } from "../session-store.ts";

export interface EndSessionsInput extends SessionSelection, SessionEnding {}

/** Ends the open ones among a person's sessions, on every node. A repeat is safe. Gives how many were ended now. */
export async function endSessions(
  deps: Pick<AuthDeps, "db" | "sessions" | "outbox" | "clock">,
  { reason, actorId, clientAddress, ...selection }: EndSessionsInput,
): Promise<{ readonly ended: number }> {
  const ended = await deps.db.transaction((tx) => sayEnded(deps, tx, selection, { reason, actorId, clientAddress }));
  return { ended };
}

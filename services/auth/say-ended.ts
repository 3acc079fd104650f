import { accessChanged, sessionEnded } from "@lyss/contracts/events/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { isClientId } from "./clients/client-model.ts";
import type { AuthDeps } from "./deps.ts";
import { toSessionEnded } from "./messages.ts";
import type { SessionEnding } from "./session-model.ts";
import type { SessionSelection } from "./session-store.ts";

/** Ends the open ones among the sessions that are meant and says so to every node. Gives how many they were. */
export async function sayEnded(
  deps: Pick<AuthDeps, "sessions" | "outbox" | "clock">,
  tx: Tx,
  selection: SessionSelection,
  ending: SessionEnding,
): Promise<number> {
  const { sessions, outbox, clock } = deps;
  const endedAt = new Date(clock.nowMs());
  const { tenantId, userId } = selection;
  const ended = await sessions.endSessions(tx, selection, { endedAt, reason: ending.reason });
  // A client's tokens come and go all day; what is told of clients is told by their own events.
  for (const { sessionId } of isClientId(userId) ? [] : ended) {
    await outbox.append(tx, sessionEnded, toSessionEnded({ sessionId, tenantId, userId }, endedAt, ending));
  }
  const [only] = ended;
  const sessionId = ended.length === 1 ? (only?.sessionId ?? "") : "";
  if (ended.length > 0) await outbox.append(tx, accessChanged, { tenantId, userId, sessionId });
  await endImpersonations(
    deps,
    tx,
    { operatorId: userId, inSessions: ended.map(({ sessionId }) => sessionId) },
    ending,
  );
  return ended.length;
}

/** Ends what an operator does in others' names, in all or in these of the operator's sessions. */
export async function endImpersonations(
  deps: Pick<AuthDeps, "sessions" | "outbox" | "clock">,
  tx: Tx,
  which: { readonly operatorId: string; readonly inSessions: readonly string[] | undefined },
  ending: SessionEnding,
): Promise<void> {
  if (which.inSessions?.length === 0) return;
  const now = new Date(deps.clock.nowMs());
  for (const found of await deps.sessions.listImpersonations(tx, { ...which, now })) {
    await sayEnded(deps, tx, { ...found, exceptSessionId: undefined }, ending);
  }
}

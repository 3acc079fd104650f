import { accessChanged } from "@lyss/contracts/events/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import { sayEnded } from "../say-ended.ts";
import type { FactorChange } from "./factor-model.ts";

type FollowDeps = Pick<AuthDeps, "sessions" | "outbox" | "clock">;

/** Ends the person's other sessions where that was asked for (ASVS 7.4.3). With the holder locked. */
export async function endOthers(deps: FollowDeps, tx: Tx, change: FactorChange): Promise<void> {
  const { tenantId, userId, sessionId, clientAddress, endOtherSessions } = change;
  if (!endOtherSessions) return;
  const selection = { tenantId, userId, sessionId: undefined, exceptSessionId: sessionId };
  await sayEnded(deps, tx, selection, { reason: "credential_changed", actorId: userId, clientAddress });
}

/**
 * Notes that the session has shown the factor that it has just added. In the others a password is not enough any more for
 * what asks for a fresh proof. With the holder locked.
 */
export async function noteShown(
  { sessions, outbox, clock }: FollowDeps,
  tx: Tx,
  { tenantId, userId, sessionId, methods }: FactorChange & { readonly methods: readonly string[] },
): Promise<void> {
  const session = await sessions.lockLiveSession(tx, sessionId);
  const all = [...new Set([...(session?.methods ?? []), ...methods])];
  await sessions.noteProof(tx, sessionId, { methods: all, provenAt: new Date(clock.nowMs()), isFactor: true });
  await sessions.forgetProofs(tx, userId, sessionId);
  await outbox.append(tx, accessChanged, { tenantId, userId });
}

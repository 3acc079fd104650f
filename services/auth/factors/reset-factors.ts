import { accessChanged } from "@lyss/contracts/events/auth.ts";
import { factorRemoved } from "@lyss/contracts/events/auth-factors.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import { sayEnded } from "../say-ended.ts";
import { toFactorRemoved } from "./factor-messages.ts";

export interface ResetFactorsInput {
  readonly tenantId: string;
  readonly userId: string;
  /** Who did it. */
  readonly actorId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Takes every second factor of a person away, with recovery codes, wrong guesses and sign-ins under way, and ends every session: whoever has the
 * lost device has nothing any more. A repeat is safe.
 */
export async function resetFactors(
  deps: Pick<AuthDeps, "factors" | "challenges" | "sessions" | "outbox" | "clock">,
  tx: Tx,
  { tenantId, userId, actorId, clientAddress }: ResetFactorsInput,
): Promise<void> {
  const { factors, challenges, outbox, clock } = deps;
  const now = new Date(clock.nowMs());
  await factors.lockHolder(tx, userId, now);
  for (const factor of await factors.listFactors(tx, userId)) {
    await outbox.append(tx, factorRemoved, toFactorRemoved(factor, { userId: actorId, clientAddress }, now));
  }
  await factors.deleteFactors(tx, userId);
  await factors.deleteRecoveryCodes(tx, userId);
  await factors.deleteHolder(tx, userId);
  await challenges.deleteChallenges(tx, userId);
  await outbox.append(tx, accessChanged, { tenantId, userId });
  const all = { tenantId, userId, sessionId: undefined, exceptSessionId: undefined };
  await sayEnded(deps, tx, all, { reason: "credential_changed", actorId, clientAddress });
}

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { authPersonErased, keyRevoked } from "@lyss/contracts/events/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import { endLimits } from "../limits/change-limits.ts";
import { toKeyRevoked } from "../messages.ts";
import { sayEnded } from "../say-ended.ts";

const platform = { userId: "", clientAddress: "" };

/**
 * Ends the sessions and revokes the keys of a person who is gone, and forgets what they say of the person: second factors, addresses,
 * browsers, names that were given to keys. What a key spent stays with its id. A repeat is safe.
 */
export async function erasePerson(
  deps: Pick<AuthDeps, "store" | "sessions" | "factors" | "challenges" | "limits" | "clients" | "outbox" | "clock">,
  tx: Tx,
  { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
): Promise<void> {
  const { store, sessions, factors, challenges, outbox, clock } = deps;
  const erasedAt = new Date(clock.nowMs());
  const all = { tenantId, userId, sessionId: undefined, exceptSessionId: undefined };
  await sayEnded(deps, tx, all, { reason: "barred", actorId: "", clientAddress: "" });
  await sessions.forgetOrigins(tx, { tenantId, userId });
  for (const key of await store.lockOpenKeys(tx, { tenantId, userId })) {
    await store.revokeKey(tx, key.keyId, erasedAt);
    await outbox.append(tx, keyRevoked, toKeyRevoked(key, "revoked", erasedAt, platform));
  }
  await factors.deleteFactors(tx, userId);
  await factors.deleteRecoveryCodes(tx, userId);
  await factors.deleteHolder(tx, userId);
  await challenges.deleteChallenges(tx, userId);
  await endLimits(deps, tx, { tenantId, subject: "user", subjectId: userId });
  await store.forgetKeyNames(tx, { tenantId, userId });
  await outbox.append(tx, authPersonErased, { userId, tenantId, erasedAt: timestampFromDate(erasedAt) });
}

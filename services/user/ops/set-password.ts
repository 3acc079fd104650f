import { userAudit } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import { endOtherSessions } from "../end-sessions.ts";
import type { UserId } from "../model.ts";

export interface SetPasswordInput {
  /** As `userFields.typedEmail` gives it. */
  readonly email: string;
  readonly password: Secret;
  /** Who sets it; the platform itself when left out. */
  readonly actorId?: string | undefined;
}

/**
 * Replaces a person's password, for the platform itself: nobody is asked for the old one, and every session of the person ends. Throws `password_length`,
 * `password_common`, `password_breached` and `not_found`. A repeat is safe.
 */
export async function setPassword(
  deps: UserDeps,
  { email, password, actorId = "" }: SetPasswordInput,
): Promise<{ readonly userId: UserId }> {
  const { db, store, clock, passwords, requireGoodPassword, audit } = deps;
  await requireGoodPassword(password);
  const passwordHash = await passwords.hash(password);
  const updatedAt = new Date(clock.nowMs());
  const userId = await db.transaction(async (tx) => {
    const user = await store.updatePassword(tx, email, passwordHash, updatedAt);
    if (!user) throw new Failure(userFailures.not_found);
    await audit.append(tx, { event: userAudit.passwordSet, ...user, actorId, clientAddress: "" });
    await endOtherSessions.note(deps, tx, { ...user, exceptSessionId: "", actorId, clientAddress: "" });
    return user.userId;
  });
  await endOtherSessions.flush(deps);
  return { userId };
}

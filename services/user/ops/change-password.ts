import { userAudit } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import { endOtherSessions } from "../end-sessions.ts";
import { requireOwnPassword } from "../require-own-password.ts";

export interface ChangePasswordInput {
  readonly userId: string;
  readonly oldPassword: Secret;
  readonly password: Secret;
  /** That goes on; empty to end all. */
  readonly sessionId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Replaces the password of one who knows it; every other session of the person ends. Throws `wrong_password` and
 * `too_many_attempts`, which count as failed sign-ins do, `password_length`, `password_common`, `password_breached`, `password_unchanged` and `not_found`.
 */
export async function changePassword(deps: UserDeps, input: ChangePasswordInput): Promise<void> {
  const { db, accounts, passwords, requireGoodPassword, audit, writer, clock } = deps;
  const { userId, oldPassword, password, sessionId, clientAddress } = input;
  await requireGoodPassword(password);
  const passwordBefore = await requireOwnPassword(deps, { userId, password: oldPassword, clientAddress });
  if (await passwords.verify(passwordBefore, password)) throw new Failure(userFailures.password_unchanged);
  const passwordHash = await passwords.hash(password);
  await db.transaction(async (tx) => {
    const account = await accounts.lockAccount(tx, userId);
    if (!account) throw new Failure(userFailures.not_found);
    const { tenantId } = account;
    await accounts.setPasswordHash(tx, { userId, passwordHash, updatedAt: new Date(clock.nowMs()) });
    await accounts.deleteTokens(tx, userId, ["reset_password"]);
    await audit.append(tx, { event: userAudit.passwordSet, userId, tenantId, actorId: userId, clientAddress });
    await endOtherSessions.note(deps, tx, {
      userId,
      tenantId,
      exceptSessionId: sessionId,
      actorId: userId,
      clientAddress,
    });
    await writer.tell(tx, "passwordChanged", account);
  });
  await endOtherSessions.flush(deps);
}

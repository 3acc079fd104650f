import { userAudit } from "@lyss/contracts/events/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { hashToken, tokenInvalid } from "../account-token.ts";
import type { UserDeps } from "../deps.ts";
import { endOtherSessions } from "../end-sessions.ts";
import type { UserId } from "../model.ts";

export interface ResetPasswordInput {
  /** From the mail. */
  readonly token: string;
  readonly password: Secret;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Replaces the password of whoever a mail was written to, who has shown to read it. The token is good once; every session ends, and
 * failed sign-ins are forgotten. Throws `password_length` and `password_common`, `password_breached`, which use nothing up, and `token_invalid`.
 */
export async function resetPassword(
  deps: UserDeps,
  { token, password, clientAddress }: ResetPasswordInput,
): Promise<{ readonly userId: UserId }> {
  const { db, accounts, people, passwords, requireGoodPassword, audit, writer, guard, clock } = deps;
  await requireGoodPassword(password);
  const passwordHash = await passwords.hash(password);
  const updatedAt = new Date(clock.nowMs());
  const account = await db.transaction(async (tx) => {
    const taken = await accounts.takeToken(tx, hashToken(token), ["reset_password"], updatedAt);
    const found = taken && (await accounts.lockAccount(tx, taken.userId));
    // An address that was changed since is no proof any more.
    if (found?.status !== "active" || found.email !== taken?.email) throw tokenInvalid();
    const { userId, tenantId } = found;
    await accounts.setPasswordHash(tx, { userId, passwordHash, updatedAt });
    await accounts.deleteTokens(tx, userId, ["reset_password", "change_email"]);
    if (!found.emailVerifiedAt) await people.verifyEmail(tx, userId, updatedAt);
    await audit.append(tx, { event: userAudit.passwordReset, userId, tenantId, actorId: userId, clientAddress });
    await endOtherSessions.note(deps, tx, { userId, tenantId, exceptSessionId: "", actorId: userId, clientAddress });
    await writer.tell(tx, "passwordChanged", found);
    return found;
  });
  // Of the account alone: the network address has not shown anything.
  await guard.succeed({ account: account.email, clientAddress: "" });
  await endOtherSessions.flush(deps);
  return { userId: account.userId };
}

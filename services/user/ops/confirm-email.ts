import { userAudit, userUpdated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { hashToken, tokenInvalid } from "../account-token.ts";
import type { UserDeps } from "../deps.ts";
import { toUpdatedMessage } from "../messages.ts";

/**
 * Takes the address that a mail went to as the person's own, confirmed; the old one is told if it was another. The token is
 * good once. Throws `token_invalid`, and `email_taken` when the address has become somebody else's.
 */
export async function confirmEmail(
  { db, accounts, people, outbox, audit, writer, clock }: UserDeps,
  { token, clientAddress }: { readonly token: string; readonly clientAddress: string },
): Promise<{ readonly email: string }> {
  const updatedAt = new Date(clock.nowMs());
  return db.transaction(async (tx) => {
    const taken = await accounts.takeToken(tx, hashToken(token), ["verify_email", "change_email"], updatedAt);
    const account = taken && (await accounts.lockAccount(tx, taken.userId));
    if (!account) throw tokenInvalid();
    const { userId, tenantId } = account;
    const { email } = taken;
    const act = { userId, tenantId, actorId: userId, clientAddress };
    if (email === account.email) {
      await people.verifyEmail(tx, userId, updatedAt);
      await audit.append(tx, { ...act, event: userAudit.emailVerified });
      return { email };
    }
    // An address that is not the person's any more was to be confirmed, not to be taken back.
    if (taken.purpose === "verify_email") throw tokenInvalid();
    const after = { ...account, email, version: account.version + 1, updatedAt };
    if (!(await accounts.setEmail(tx, after))) throw new Failure(userFailures.email_taken);
    await accounts.deleteTokens(tx, userId, ["reset_password", "verify_email"]);
    await outbox.append(tx, userUpdated, toUpdatedMessage(account, after, userId));
    await audit.append(tx, { ...act, event: userAudit.emailChanged });
    await writer.tell(tx, "emailChanged", account, { email });
    return { email };
  });
}

import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";

/** Writes to a person how to confirm the address. Throws `not_found`, `email_verified` and `too_many_mails`. */
export async function requestEmailVerification(
  { db, accounts, writer, mailLimit }: Pick<UserDeps, "db" | "accounts" | "writer" | "mailLimit">,
  { userId, clientAddress }: { readonly userId: string; readonly clientAddress: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    const account = await accounts.lockAccount(tx, userId);
    if (!account) throw new Failure(userFailures.not_found);
    if (account.emailVerifiedAt) throw new Failure(userFailures.email_verified);
    await mailLimit.requireAddress(tx, clientAddress);
    await mailLimit.requireMailbox(tx, account.email);
    await writer.sendLink(tx, "verify_email", account, account.email);
  });
}

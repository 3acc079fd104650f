import type { UserDeps } from "../deps.ts";

export interface RequestPasswordResetInput {
  /** As `userFields.typedEmail` gives it. */
  readonly email: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Writes to an active person of that address how to set a new password. The answer is the same for everybody, and neither tells
 * nor costs more for an address that is somebody's: the mail is sent later. Throws `too_many_mails` for one network address that
 * asks too often.
 */
export async function requestPasswordReset(
  { db, accounts, writer, mailLimit }: Pick<UserDeps, "db" | "accounts" | "writer" | "mailLimit">,
  { email, clientAddress }: RequestPasswordResetInput,
): Promise<void> {
  await db.transaction(async (tx) => {
    await mailLimit.requireAddress(tx, clientAddress);
    const mayWrite = await mailLimit.mayWriteTo(tx, email);
    const account = await accounts.findAccountByEmail(tx, email);
    if (mayWrite && account?.status === "active") await writer.sendLink(tx, "reset_password", account, account.email);
  });
}

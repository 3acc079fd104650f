import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import { requireOwnPassword } from "../require-own-password.ts";

export interface ChangeEmailInput {
  readonly userId: string;
  /** As `userFields.email` gives it. */
  readonly email: string;
  readonly password: Secret;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Writes to the new address how to confirm it, and to the old one that this was asked; the address changes once it is confirmed.
 * Whether the new one is somebody's already is told to nobody but whoever reads mails there. Throws `wrong_password`,
 * `too_many_attempts`, `too_many_mails` and `not_found`.
 */
export async function changeEmail(deps: UserDeps, input: ChangeEmailInput): Promise<void> {
  const { db, accounts, writer, mailLimit } = deps;
  const { userId, email, password, clientAddress } = input;
  await requireOwnPassword(deps, { userId, password, clientAddress });
  await db.transaction(async (tx) => {
    const account = await accounts.lockAccount(tx, userId);
    if (!account) throw new Failure(userFailures.not_found);
    await mailLimit.requireAddress(tx, clientAddress);
    await mailLimit.requireMailbox(tx, email);
    await writer.sendLink(tx, "change_email", account, email);
    await writer.tell(tx, "emailChangeAsked", account, { email });
  });
}

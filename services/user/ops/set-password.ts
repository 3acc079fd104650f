import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import type { UserId } from "../model.ts";
import { requireGoodPassword } from "../password.ts";

export interface SetPasswordInput {
  /** As `userFields.typedEmail` gives it. */
  readonly email: string;
  readonly password: Secret;
}

/**
 * Replaces a person's password, for the platform itself: nobody is asked for the old one. Throws `password_length`,
 * `password_common` and `not_found`. A repeat is safe.
 */
export async function setPassword(
  { db, store, clock, passwords }: Pick<UserDeps, "db" | "store" | "clock" | "passwords">,
  { email, password }: SetPasswordInput,
): Promise<{ readonly userId: UserId }> {
  requireGoodPassword(password);
  const passwordHash = await passwords.hash(password);
  const updatedAt = new Date(clock.nowMs());
  const userId = await db.transaction((tx) => store.updatePassword(tx, email, passwordHash, updatedAt));
  if (!userId) throw new Failure(userFailures.not_found);
  return { userId };
}

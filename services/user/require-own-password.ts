import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "./deps.ts";

/**
 * Checks that who is signed in knows the password as well; gives its hash. Guesses count as failed sign-ins do. Throws `not_found`,
 * `wrong_password` and `too_many_attempts`.
 */
export async function requireOwnPassword(
  { store, accounts, passwords, guard }: Pick<UserDeps, "store" | "accounts" | "passwords" | "guard">,
  { userId, password, clientAddress }: { userId: string; password: Secret; clientAddress: string },
): Promise<string | undefined> {
  const user = await store.findUser(userId, undefined);
  if (!user) throw new Failure(userFailures.not_found);
  const attempt = { account: user.email, clientAddress };
  await guard.begin(attempt);
  const passwordHash = await accounts.findPasswordHash(userId);
  if (!(await passwords.verify(passwordHash, password))) throw new Failure(userFailures.wrong_password);
  await guard.succeed(attempt);
  return passwordHash;
}

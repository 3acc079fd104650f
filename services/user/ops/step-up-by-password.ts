import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";

export interface StepUpByPasswordInput {
  readonly userId: string;
  readonly tenantId: string;
  /** The session that is to count as freshly proven. */
  readonly sessionId: string;
  readonly password: Secret;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * A new access token for a person who is signed in and knows the password: for ten minutes the session may do what asks for a
 * fresh proof. Throws `invalid_credentials`, `too_many_attempts`, which counts with those of sign-ins, and
 * `auth.factor_wanted` where the person has second factors.
 */
export async function stepUpByPassword(
  { store, passwords, guard, auth }: Pick<UserDeps, "store" | "passwords" | "guard" | "auth">,
  { userId, tenantId, sessionId, password, clientAddress }: StepUpByPasswordInput,
): Promise<{ readonly accessToken: string; readonly expiresInSeconds: number }> {
  const known = await store.findUser(userId, tenantId);
  if (!known) throw new Failure(userFailures.invalid_credentials);
  const { email } = known;
  await guard.begin({ account: email, clientAddress });
  const user = await store.findUserToSignIn(email);
  const isRight = await passwords.verify(user?.passwordHash ?? undefined, password);
  if (!isRight || user?.userId !== userId) throw new Failure(userFailures.invalid_credentials);
  await guard.succeed({ account: email, clientAddress });
  const { accessToken, expiresInSeconds } = await auth.stepUp({ userId, tenantId, sessionId, clientAddress });
  return { accessToken, expiresInSeconds };
}

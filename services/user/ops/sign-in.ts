import { userAudit } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import { isOwner, type User, type UserId } from "../model.ts";

export interface SignInInput {
  /** As `userFields.typedEmail` gives it. */
  readonly email: string;
  readonly password: Secret;
  /** Empty when it is not known. */
  readonly clientAddress: string;
  /** As the client calls itself. */
  readonly userAgent?: string;
}

export interface SignedIn {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly refreshExpiresInSeconds: number;
  readonly sessionId: string;
  readonly userId: UserId;
}

/**
 * The tokens of a new session for whoever knows the password. Throws `invalid_credentials`, the same and after the same time
 * for an unknown account, a wrong password and a person who is not active, `too_many_attempts`, `sign_on_required` for a
 * right password of somebody whose organisation signs on from elsewhere, `factor_required` with a challenge where the
 * person has second factors, and what auth throws.
 */
export async function signIn(
  deps: Pick<
    UserDeps,
    "db" | "store" | "passwords" | "guard" | "auth" | "audit" | "refusedSignIns" | "clock" | "federation"
  >,
  { email, password, clientAddress, userAgent = "" }: SignInInput,
): Promise<SignedIn> {
  const { db, store, passwords, guard, auth, audit, refusedSignIns, clock } = deps;
  await guard.begin({ account: email, clientAddress });
  const user = await store.findUserToSignIn(email);
  const isRight = await passwords.verify(user?.passwordHash ?? undefined, password);
  if (!user || !isRight || user.status !== "active") {
    if (user) {
      const { userId, tenantId } = user;
      refusedSignIns.note({ userId, tenantId, clientAddress, refusedAtMs: clock.nowMs() });
    }
    throw new Failure(userFailures.invalid_credentials);
  }
  await guard.succeed({ account: email, clientAddress });
  await requirePasswordAllowed(deps, user);
  const { userId, tenantId, role } = user;
  const names = { userId, tenantId, role, clientAddress, userAgent };
  const { result } = await auth.startSession({ ...names, methods: ["pwd"] });
  if (result.case === "factorRequired") {
    const { challengeToken, expiresInSeconds, factors } = result.value;
    throw new Failure(userFailures.factor_required, { challengeToken, expiresInSeconds, factors });
  }
  if (result.case !== "tokens") throw new Error("auth gives neither tokens nor a challenge");
  const { accessToken, expiresInSeconds, refreshToken, refreshExpiresInSeconds, sessionId } = result.value;
  // Before the token is handed out: nobody comes in without an entry.
  const eventId = `aud_${sessionId}`;
  const act = { event: userAudit.signedIn, userId, tenantId, actorId: userId, clientAddress, eventId };
  await db.transaction((tx) => audit.append(tx, act));
  return { accessToken, expiresInSeconds, refreshToken, refreshExpiresInSeconds, sessionId, userId };
}

/** Throws `sign_on_required`. Told to whoever knows the password alone; owners may always come in. */
export async function requirePasswordAllowed(
  { federation }: Pick<UserDeps, "federation">,
  user: Pick<User, "role" | "email" | "tenantId">,
): Promise<void> {
  if (isOwner(user.role)) return;
  const domain = user.email.slice(user.email.lastIndexOf("@") + 1);
  if (await federation.isEnforced(user.tenantId, domain)) throw new Failure(userFailures.sign_on_required);
}

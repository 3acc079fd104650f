import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { startSession } from "../ops/start-session.ts";
import type { SessionTokens } from "../session-tokens.ts";
import type { Assertion } from "./factor-model.ts";
import type { ChallengeScope } from "./passkeys.ts";
import { proveFactor } from "./prove-factor.ts";

const scope: ChallengeScope = { purpose: "sign_in", subject: "" };

/** What `navigator.credentials.get` needs to sign in with a passkey alone. Stores nothing; a repeat is safe. */
export function startPasskeySignIn({ passkeys, clock }: Pick<AuthDeps, "passkeys" | "clock">) {
  return passkeys.assertionOptions(scope, [], clock.nowMs());
}

export interface PasskeySignInInput {
  readonly response: Assertion;
  /** Empty when it is not known. */
  readonly clientAddress: string;
  readonly userAgent: string;
}

/**
 * The tokens of a new session for whoever uses a passkey of theirs, verified by it: two factors in one, without a name or a
 * password. Throws `passkey_refused` and what `startSession` throws.
 */
export async function signInWithPasskey(
  deps: AuthDeps,
  { response, clientAddress, userAgent }: PasskeySignInInput,
): Promise<SessionTokens> {
  const { db, factors, principals } = deps;
  const passkey = await factors.findPasskey(factors.sql, response.id);
  const principal = passkey && (await principals.findPrincipal(passkey.tenantId, passkey.userId));
  if (!passkey || !principal) throw new Failure(factorFailures.passkey_refused);
  const { tenantId, userId } = passkey;
  const proof = { method: "passkey", response } as const;
  const actor = { tenantId, userId, clientAddress };
  const outcome = await db.transaction((tx) => proveFactor(deps, tx, { actor, proof, scope }));
  if (!outcome.isProven) throw outcome.failure;
  const { methods } = outcome;
  return startSession(deps, { tenantId, userId, role: principal.role, methods, clientAddress, userAgent });
}

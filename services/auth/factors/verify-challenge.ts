import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { startSession } from "../ops/start-session.ts";
import type { SessionTokens } from "../session-tokens.ts";
import { scopeOfChallenge } from "./challenge-options.ts";
import type { Proof } from "./factor-model.ts";
import { proveFactor } from "./prove-factor.ts";
import { hashChallengeToken, maxChallengeAttempts } from "./sign-in-challenge.ts";

export interface VerifyChallengeInput {
  readonly challengeToken: Secret;
  readonly proof: Proof;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * The tokens of a new session for whoever shows a factor to a sign-in that waits; it may be tried five times, within five
 * minutes, and ends with success. Throws `challenge_refused` (sign in again), `code_refused`, `codes_locked`,
 * `passkey_refused` and what `startSession` throws.
 */
export async function verifyChallenge(
  deps: AuthDeps,
  { challengeToken, proof, clientAddress }: VerifyChallengeInput,
): Promise<SessionTokens> {
  const { db, challenges, clock, recoveryPepper } = deps;
  const tokenHash = hashChallengeToken(recoveryPepper, challengeToken);
  if (!tokenHash) throw new Failure(factorFailures.challenge_refused);
  const now = new Date(clock.nowMs());
  const result = await db.transaction(async (tx) => {
    const waiting = await challenges.takeAttempt(tx, tokenHash, now, maxChallengeAttempts);
    if (!waiting) return new Failure(factorFailures.challenge_refused);
    const { tenantId, userId } = waiting;
    const actor = { tenantId, userId, clientAddress };
    const outcome = await proveFactor(deps, tx, { actor, proof, scope: scopeOfChallenge(tokenHash) });
    if (!outcome.isProven) return outcome.failure;
    await challenges.deleteChallenge(tx, tokenHash);
    return { ...waiting, methods: [...new Set([...waiting.methods, ...outcome.methods])] };
  });
  // Thrown outside, so that attempts and wrong codes are counted.
  if (result instanceof Failure) throw result;
  return startSession(deps, { ...result, plannedSessionId: result.sessionId });
}

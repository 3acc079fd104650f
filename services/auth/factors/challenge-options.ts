import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { FactorDeps } from "./factor-deps.ts";
import type { ChallengeScope } from "./passkeys.ts";
import { hashChallengeToken } from "./sign-in-challenge.ts";

/** What a passkey is asked for in that sign-in. */
export function scopeOfChallenge(tokenHash: Buffer): ChallengeScope {
  return { purpose: "second_factor", subject: tokenHash.toString("hex") };
}

/** What `navigator.credentials.get` needs to end a sign-in that waits. Throws `challenge_refused`. Stores nothing. */
export async function challengeOptions(
  { factors, challenges, passkeys, clock, recoveryPepper }: Omit<FactorDeps, "db" | "outbox">,
  { challengeToken }: { readonly challengeToken: Secret },
) {
  const tokenHash = hashChallengeToken(recoveryPepper, challengeToken);
  const nowMs = clock.nowMs();
  const waiting = tokenHash && (await challenges.findChallenge(tokenHash, new Date(nowMs)));
  if (!waiting) throw new Failure(factorFailures.challenge_refused);
  const known = await factors.listPasskeys(factors.sql, waiting.userId);
  return passkeys.assertionOptions(scopeOfChallenge(waiting.tokenHash), known, nowMs);
}

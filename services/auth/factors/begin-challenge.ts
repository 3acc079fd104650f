import type { SessionId } from "../session-model.ts";
import type { FactorDeps } from "./factor-deps.ts";
import {
  type FactorRequired,
  generateChallengeToken,
  hashChallengeToken,
  maxOpenChallenges,
  type ShownFactor,
  type SignInChallenge,
  signInChallengeTtlMs,
} from "./sign-in-challenge.ts";

/**
 * Lets a sign-in wait for a second factor where the person has one; undefined where they have none. A repeat begins another.
 */
export async function beginChallenge(
  deps: Pick<FactorDeps, "db" | "factors" | "challenges" | "clock" | "random" | "recoveryPepper">,
  signIn: Omit<SignInChallenge, "tokenHash" | "expiresAt" | "notAfter" | "sessionId"> & {
    readonly notAfter?: Date | null;
  },
): Promise<FactorRequired | undefined> {
  const { db, challenges, clock, random, recoveryPepper } = deps;
  const shown = await listShownFactors(deps, signIn.userId);
  if (shown.length === 0) return undefined;
  const challengeToken = generateChallengeToken(random);
  const tokenHash = hashChallengeToken(recoveryPepper, challengeToken);
  if (!tokenHash) throw new Error("a generated token has the form of none");
  const now = new Date(clock.nowMs());
  const sessionId = random.id("ses") as SessionId;
  await db.transaction(async (tx) => {
    await challenges.insertChallenge(tx, {
      ...signIn,
      notAfter: signIn.notAfter ?? null,
      ...{ tokenHash, sessionId },
      expiresAt: new Date(now.getTime() + signInChallengeTtlMs),
    });
    await challenges.deleteOldest(tx, signIn.userId, maxOpenChallenges);
  });
  return { challengeToken, expiresInSeconds: signInChallengeTtlMs / 1_000, factors: shown, sessionId };
}

/** What the person can show; nothing for one without factors. */
export async function listShownFactors(
  { factors }: Pick<FactorDeps, "factors">,
  userId: string,
): Promise<readonly ShownFactor[]> {
  const held = await factors.listFactors(factors.sql, userId);
  if (held.length === 0) return [];
  const kinds = new Set<ShownFactor>(held.map(({ kind }) => kind));
  if ((await factors.countRecoveryCodes(factors.sql, userId)) > 0) kinds.add("recovery_code");
  return [...kinds];
}

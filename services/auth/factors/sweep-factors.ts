import type { FactorDeps } from "./factor-deps.ts";

/** Removes enrolments and sign-ins that were not completed in time, and challenges that nobody could answer again anyway. */
export async function sweepFactors({
  factors,
  challenges,
  clock,
}: Pick<FactorDeps, "factors" | "challenges" | "clock">): Promise<void> {
  const now = new Date(clock.nowMs());
  await factors.deleteExpiredEnrolments(now);
  await factors.deleteExpiredChallenges(now);
  await challenges.deleteExpiredChallenges(now);
}

import type { FactorDeps } from "./factor-deps.ts";
import type { Factor, Holder } from "./factor-model.ts";

export interface HeldFactors {
  /** Oldest first. */
  readonly factors: readonly Factor[];
  readonly recoveryCodesLeft: number;
}

/** What a person can prove themselves with besides a password. */
export async function listFactors({ factors }: Pick<FactorDeps, "factors">, { userId }: Holder): Promise<HeldFactors> {
  const [held, recoveryCodesLeft] = await Promise.all([
    factors.listFactors(factors.sql, userId),
    factors.countRecoveryCodes(factors.sql, userId),
  ]);
  return { factors: [...held], recoveryCodesLeft };
}

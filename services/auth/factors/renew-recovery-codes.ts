import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { FactorDeps } from "./factor-deps.ts";
import type { SessionActor } from "./factor-model.ts";
import { replaceRecoveryCodes } from "./note-added.ts";

/** Ten new recovery codes, shown this once; those before are void. Throws `factor_missing`. A repeat gives others. */
export async function renewRecoveryCodes(
  deps: Pick<FactorDeps, "db" | "factors" | "outbox" | "clock" | "random" | "recoveryPepper">,
  actor: SessionActor,
): Promise<readonly Secret[]> {
  const { db, factors, clock } = deps;
  const now = new Date(clock.nowMs());
  return db.transaction(async (tx) => {
    await factors.lockHolder(tx, actor.userId, now);
    if (!(await factors.hasFactor(tx, actor.userId))) throw new Failure(factorFailures.factor_missing);
    return replaceRecoveryCodes(deps, tx, { actor, now });
  });
}

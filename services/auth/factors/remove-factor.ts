import { accessChanged } from "@lyss/contracts/events/auth.ts";
import { factorRemoved } from "@lyss/contracts/events/auth-factors.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { toFactorRemoved } from "./factor-messages.ts";
import type { Factor, FactorChange } from "./factor-model.ts";
import { endOthers } from "./follow-change.ts";

export interface RemoveFactorInput extends FactorChange {
  readonly factorId: string;
}

/**
 * The factor opens nothing any more; with the last one its recovery codes go. Throws `factor_not_found`, also for another's
 * and when it is repeated.
 */
export async function removeFactor(
  deps: Pick<AuthDeps, "db" | "factors" | "sessions" | "outbox" | "clock">,
  { factorId, ...change }: RemoveFactorInput,
): Promise<Factor> {
  const { db, factors, outbox, clock } = deps;
  const now = new Date(clock.nowMs());
  return db.transaction(async (tx) => {
    await factors.lockHolder(tx, change.userId, now);
    const removed = await factors.deleteFactor(tx, change.userId, factorId);
    if (!removed) throw new Failure(factorFailures.factor_not_found);
    if (!(await factors.hasFactor(tx, change.userId))) {
      await factors.deleteRecoveryCodes(tx, change.userId);
      await outbox.append(tx, accessChanged, { tenantId: change.tenantId, userId: change.userId });
    }
    await outbox.append(tx, factorRemoved, toFactorRemoved(removed, change, now));
    await endOthers(deps, tx, change);
    return removed;
  });
}

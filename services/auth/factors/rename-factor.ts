import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { FactorDeps } from "./factor-deps.ts";
import type { Factor, Holder } from "./factor-model.ts";

export interface RenameFactorInput extends Holder {
  readonly factorId: string;
  readonly name: string;
}

/** The factor under its new name. Throws `factor_not_found`, also for another's. A repeat is safe. */
export async function renameFactor(
  { db, factors }: Pick<FactorDeps, "db" | "factors">,
  { userId, factorId, name }: RenameFactorInput,
): Promise<Factor> {
  const renamed = await db.transaction((tx) => factors.renameFactor(tx, userId, factorId, name));
  if (!renamed) throw new Failure(factorFailures.factor_not_found);
  return renamed;
}

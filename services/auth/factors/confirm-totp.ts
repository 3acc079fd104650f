import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import type { FactorChange } from "./factor-model.ts";
import { type AddedFactor, noteAdded } from "./note-added.ts";
import { findWait, judgeCode } from "./prove-factor.ts";

export interface ConfirmTotpInput extends FactorChange {
  readonly factorId: string;
  /** Six digits, as the app shows them now. */
  readonly code: string;
}

/**
 * An authenticator app counts from now on: the person has shown a code of it. Throws `factor_not_found` also for an enrolment
 * that has expired, `code_refused` and `codes_locked`; wrong codes count as those of a sign-in.
 */
export async function confirmTotp(
  deps: AuthDeps,
  { factorId, code, ...change }: ConfirmTotpInput,
): Promise<AddedFactor> {
  const { db, factors, clock } = deps;
  const now = new Date(clock.nowMs());
  const result = await db.transaction(async (tx) => {
    const count = await factors.lockHolder(tx, change.userId, now);
    const enrolled = await factors.findEnrolment(tx, change.userId, factorId, now);
    if (!enrolled) throw new Failure(factorFailures.factor_not_found);
    const waiting = findWait(count, now);
    if (waiting) return waiting;
    const outcome = await judgeCode(deps, tx, { actor: change, count, code, among: [enrolled], now });
    if (!outcome.isProven) return outcome.failure;
    await factors.confirmEnrolment(tx, enrolled.factorId, outcome.step ?? enrolled.lastStep, now);
    const { sealedSecret: _sealed, lastStep: _step, ...factor } = enrolled;
    return noteAdded(deps, tx, { factor: { ...factor, lastUsedAt: now }, change, now });
  });
  // Thrown outside, so that the count of wrong codes is kept.
  if (result instanceof Failure) throw result;
  return result;
}

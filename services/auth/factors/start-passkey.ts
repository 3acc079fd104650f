import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { FactorDeps } from "./factor-deps.ts";
import { type Holder, maxFactors } from "./factor-model.ts";

export interface StartPasskeyInput extends Holder {
  /** How the authenticator lists the account. */
  readonly accountName: string;
}

/** What `navigator.credentials.create` needs. Throws `too_many_factors`. Stores nothing; a repeat is safe. */
export async function startPasskey(
  { factors, passkeys, clock }: Pick<FactorDeps, "factors" | "passkeys" | "clock">,
  { userId, accountName }: StartPasskeyInput,
) {
  const known = await factors.listPasskeys(factors.sql, userId);
  if (known.length >= maxFactors.passkey) {
    throw new Failure(factorFailures.too_many_factors, { max: maxFactors.passkey });
  }
  return passkeys.registrationOptions({ userId, accountName, known, nowMs: clock.nowMs() });
}

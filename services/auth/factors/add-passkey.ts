import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { type FactorChange, type FactorId, maxFactors, type Passkey, type Registration } from "./factor-model.ts";
import { type AddedFactor, noteAdded } from "./note-added.ts";

export interface AddPasskeyInput extends FactorChange {
  readonly name: string;
  readonly response: Registration;
}

/**
 * A passkey counts from now on: it has answered what `startPasskey` asked, once. Throws `passkey_refused`, `passkey_known`
 * and `too_many_factors`.
 */
export async function addPasskey(deps: AuthDeps, { name, response, ...change }: AddPasskeyInput): Promise<AddedFactor> {
  const { db, factors, passkeys, clock, random } = deps;
  const { tenantId, userId } = change;
  const now = new Date(clock.nowMs());
  const read = await passkeys.readRegistration(userId, response, now.getTime());
  if (!read) throw new Failure(factorFailures.passkey_refused);
  const { answered, ...credential } = read;
  const factorId = random.id("fac") as FactorId;
  const added: Passkey = {
    ...{ factorId, tenantId, userId, kind: "passkey", name, createdAt: now, lastUsedAt: null },
    ...credential,
  };
  return db.transaction(async (tx) => {
    await factors.lockHolder(tx, userId, now);
    if (!(await factors.insertAnsweredChallenge(tx, answered))) throw new Failure(factorFailures.passkey_refused);
    const known = await factors.listPasskeys(tx, userId);
    if (known.length >= maxFactors.passkey) {
      throw new Failure(factorFailures.too_many_factors, { max: maxFactors.passkey });
    }
    if (!(await factors.insertPasskey(tx, added))) throw new Failure(factorFailures.passkey_known);
    const { isSynced } = added;
    const factor = {
      ...{ factorId, tenantId, userId, name, isSynced },
      kind: added.kind,
      createdAt: now,
      lastUsedAt: null,
    };
    return noteAdded(deps, tx, { factor, change, now });
  });
}

import { factorAdded, recoveryCodesCreated } from "@lyss/contracts/events/auth-factors.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import type { FactorDeps } from "./factor-deps.ts";
import { toFactorAdded, toRecoveryCodesCreated } from "./factor-messages.ts";
import type { Actor, Factor, FactorChange } from "./factor-model.ts";
import { endOthers, noteShown } from "./follow-change.ts";
import { methodsOf } from "./prove-factor.ts";
import { generateRecoveryCodes, hashRecoveryCode } from "./recovery-codes.ts";

/** A factor that counts from now on. */
export interface AddedFactor {
  readonly factor: Factor;
  /** Ten where it is the person's first, else none. Shown this once. */
  readonly recoveryCodes: readonly Secret[];
}

type CodeDeps = Pick<FactorDeps, "factors" | "outbox" | "random" | "recoveryPepper">;
type NoteDeps = CodeDeps & Pick<AuthDeps, "sessions" | "clock">;

/** Tells that a factor was added, everybody whom that concerns, and gives recovery codes to a person who has none. With the holder locked. */
export async function noteAdded(
  deps: NoteDeps,
  tx: Tx,
  { factor, change, now }: { readonly factor: Factor; readonly change: FactorChange; readonly now: Date },
): Promise<AddedFactor> {
  await deps.outbox.append(tx, factorAdded, toFactorAdded(factor, change, now));
  await noteShown(deps, tx, { ...change, methods: methodsOf[factor.kind] });
  await endOthers(deps, tx, change);
  const hasCodes = (await deps.factors.countRecoveryCodes(tx, change.userId)) > 0;
  return { factor, recoveryCodes: hasCodes ? [] : await replaceRecoveryCodes(deps, tx, { actor: change, now }) };
}

/** New recovery codes; those before are void. */
export async function replaceRecoveryCodes(
  { factors, outbox, random, recoveryPepper }: CodeDeps,
  tx: Tx,
  { actor, now }: { readonly actor: Actor; readonly now: Date },
): Promise<readonly Secret[]> {
  const codes = generateRecoveryCodes(random);
  await factors.deleteRecoveryCodes(tx, actor.userId);
  const hashes = codes.map((code) => hashRecoveryCode(recoveryPepper, actor.userId, code));
  await factors.insertRecoveryCodes(tx, actor.userId, hashes);
  await outbox.append(tx, recoveryCodesCreated, toRecoveryCodesCreated(actor, now));
  return codes.map((code) => new Secret(code));
}

import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { seal } from "@lyss/kit/crypto/seal.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { FactorDeps } from "./factor-deps.ts";
import { enrolmentTtlMs, type FactorId, type Holder, maxFactors, type TotpFactor } from "./factor-model.ts";
import { createTotpSecret, toTotpUri } from "./totp.ts";

export interface EnrolTotpInput extends Holder {
  readonly name: string;
  /** How the app lists the account. */
  readonly accountName: string;
}

/** What an app is set up with. Shown this once. */
export interface TotpEnrolment {
  readonly factorId: FactorId;
  /** base32. */
  readonly secret: Secret;
  /** `otpauth://…`, to be shown as a QR code. */
  readonly uri: Secret;
  readonly expiresAt: Date;
}

/**
 * Begins with an authenticator app: it counts once `confirmTotp` was shown a code of it, within fifteen minutes. Throws
 * `too_many_factors`. A repeat begins anew, and what was begun before is void.
 */
export async function enrolTotp(
  { db, factors, clock, random, factorKey, appName }: Omit<FactorDeps, "outbox" | "passkeys" | "recoveryPepper">,
  { tenantId, userId, name, accountName }: EnrolTotpInput,
): Promise<TotpEnrolment> {
  const createdAt = new Date(clock.nowMs());
  const expiresAt = new Date(createdAt.getTime() + enrolmentTtlMs);
  const factorId = random.id("fac") as FactorId;
  const secret = createTotpSecret(random);
  const enrolled: TotpFactor = {
    ...{ factorId, tenantId, userId, name, createdAt, kind: "totp", lastUsedAt: null, isSynced: false, lastStep: 0 },
    sealedSecret: seal(random, factorKey, Buffer.from(secret), factorId),
  };
  await db.transaction(async (tx) => {
    await factors.lockHolder(tx, userId, createdAt);
    const known = await factors.listTotpFactors(tx, userId);
    if (known.length >= maxFactors.totp) throw new Failure(factorFailures.too_many_factors, { max: maxFactors.totp });
    await factors.deleteEnrolments(tx, userId);
    await factors.insertEnrolment(tx, enrolled, expiresAt);
  });
  return { factorId, secret: new Secret(secret), uri: new Secret(toTotpUri(secret, appName, accountName)), expiresAt };
}

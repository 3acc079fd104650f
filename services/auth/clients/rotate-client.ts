import { serviceClientUpdated } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { generateSecret, hashKeySecret, prefixOf } from "../key-secret.ts";
import type { Grantor } from "../model.ts";
import { requireHeld, requireTerm } from "../require-held.ts";
import { toClientUpdated } from "./client-messages.ts";
import { clientSecretPrefix, clientStatus, hasKeys } from "./client-model.ts";
import { type ClientReference, lockClient } from "./client-reference.ts";
import type { ClientWithSecret } from "./create-client.ts";

export interface RotateServiceClientInput extends ClientReference {
  /** How long the secret before still gets tokens, 0 to 86,400. */
  readonly graceSeconds: number;
  readonly grantor: Grantor;
  readonly clientAddress: string;
}

/**
 * Gives the client a new secret, shown this once; tokens under way stay. The one before gets tokens for the grace period; one
 * that was in a grace period already stops at once, so that at most two ever work. Throws `client_not_found`, `client_expired`, `client_has_keys`
 * and what `createServiceClient` throws: who rotates learns the secret, and must hold what the client holds. A repeat makes another.
 */
export async function rotateServiceClient(deps: AuthDeps, input: RotateServiceClientInput): Promise<ClientWithSecret> {
  const { db, clients, outbox, clock, random, clientPepper } = deps;
  const { graceSeconds, grantor, clientAddress, tenantId } = input;
  const secret = generateSecret(random, clientSecretPrefix);
  const createdAt = new Date(clock.nowMs());
  const endOfGrace = new Date(createdAt.getTime() + graceSeconds * 1_000);
  const client = await db.transaction(async (tx) => {
    const found = await lockClient(deps, tx, input);
    if (clientStatus(found, createdAt.getTime()) === "expired") throw new Failure(authFailures.client_expired);
    if (hasKeys(found)) throw new Failure(authFailures.client_has_keys);
    requireHeld(grantor, found);
    await requireTerm(deps, { tenantId, grantor, wanted: found.expiresAt });
    const rotated = { ...found, prefix: prefixOf(secret), updatedAt: createdAt };
    const { clientId } = found;
    await clients.deleteExpiringSecrets(tx, clientId);
    await clients.expireSecrets(tx, clientId, endOfGrace);
    await clients.insertSecret(tx, { clientId, secretHash: hashKeySecret(clientPepper, secret), createdAt });
    await clients.updateClient(tx, rotated);
    const author = { userId: grantor.userId, clientAddress };
    await outbox.append(tx, serviceClientUpdated, toClientUpdated(rotated, ["secret"], author));
    return rotated;
  });
  return { client, secret: new Secret(secret) };
}

import { credentialRevoked } from "@lyss/contracts/events/credential.ts";
import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { CredentialDeps } from "../deps.ts";
import type { Credential } from "../model.ts";
import type { CredentialReference } from "./get-credential.ts";

/** Destroys the secret and frees the name. Throws `not_found`. A repeat is safe and says nothing new. */
export async function revokeCredential(
  { db, store, outbox, clock }: CredentialDeps,
  { tenantId, credentialId }: CredentialReference,
): Promise<Credential> {
  return db.transaction(async (tx) => {
    const current = await store.lockCredential(tx, tenantId, credentialId);
    if (!current) throw new Failure(credentialFailures.not_found);
    if (current.revokedAt) return current;
    const revokedAt = new Date(clock.nowMs());
    await store.destroyEnvelope(tx, current.credentialId, revokedAt);
    await outbox.append(tx, credentialRevoked, {
      credentialId,
      tenantId,
      name: current.name,
      actorId: currentActorId(),
    });
    return { ...current, revokedAt, updatedAt: revokedAt };
  });
}

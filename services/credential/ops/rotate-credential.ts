import { credentialRotated } from "@lyss/contracts/events/credential.ts";
import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { CredentialDeps } from "../deps.ts";
import { type DataKey, sealEnvelope } from "../envelope.ts";
import { bindingOf, type Credential, describeSecret, sameOrigins } from "../model.ts";
import type { CredentialReference } from "./get-credential.ts";

export interface RotateCredentialInput extends CredentialReference {
  readonly secret: Secret;
}

/**
 * Replaces the secret and destroys the old one; the origins stay. The secret it already has changes nothing, so a repeat
 * is safe. Throws `not_found`, and `revoked` for a credential that is.
 */
export async function rotateCredential(deps: CredentialDeps, input: RotateCredentialInput): Promise<Credential> {
  const { tenantId, credentialId, secret } = input;
  const dataKey = await deps.dataKeys.getForTenant(tenantId);
  return deps.db.transaction(async (tx) => {
    const current = await deps.store.lockCredential(tx, tenantId, credentialId);
    if (!current) throw new Failure(credentialFailures.not_found);
    if (current.revokedAt) throw new Failure(credentialFailures.revoked);
    return replaceSecret(deps, tx, { current, secret, allowedOrigins: current.allowedOrigins, dataKey });
  });
}

export interface Replacement {
  /** Locked, and not revoked. */
  readonly current: Credential;
  readonly secret: Secret;
  readonly allowedOrigins: readonly string[];
  readonly dataKey: DataKey;
}

/** Makes secret and origins the next version of `current`, unless they are what it has. */
export async function replaceSecret(
  { store, outbox, clock, random, fingerprintKey }: CredentialDeps,
  tx: Tx,
  { current, secret, allowedOrigins, dataKey }: Replacement,
): Promise<Credential> {
  const { tenantId, credentialId, name } = current;
  const description = describeSecret(fingerprintKey, tenantId, secret);
  if (description.fingerprint === current.fingerprint && sameOrigins(allowedOrigins, current.allowedOrigins)) {
    return current;
  }
  const version = current.version + 1;
  const next = { ...current, ...description, version, allowedOrigins, updatedAt: new Date(clock.nowMs()) };
  const envelope = sealEnvelope(random, dataKey, secret, bindingOf(next));
  await store.updateCredential(tx, { ...next, envelope });
  await outbox.append(tx, credentialRotated, { credentialId, tenantId, name, version, actorId: currentActorId() });
  return next;
}

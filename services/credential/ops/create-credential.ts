import { credentialCreated } from "@lyss/contracts/events/credential.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { CredentialDeps } from "../deps.ts";
import { sealEnvelope } from "../envelope.ts";
import { bindingOf, type Credential, type CredentialId, describeSecret } from "../model.ts";
import { replaceSecret } from "./rotate-credential.ts";

export interface CreateCredentialInput {
  readonly tenantId: string;
  readonly name: string;
  readonly secret: Secret;
  /** As `credentialFields.allowedOrigins` gives them. */
  readonly allowedOrigins: readonly string[];
}

/**
 * Seals a secret under a name that is unique in the tenant. The same secret and origins again change nothing; another
 * secret or other origins become the next version of the credential that bears the name. A repeat is safe.
 */
export async function createCredential(deps: CredentialDeps, input: CreateCredentialInput): Promise<Credential> {
  const { db, store, dataKeys, fingerprintKey, outbox, clock, random } = deps;
  const { tenantId, name, secret, allowedOrigins } = input;
  const dataKey = await dataKeys.getForTenant(tenantId);
  return db.transaction(async (tx) => {
    await store.lockName(tx, tenantId, name);
    const current = await store.lockCredentialByName(tx, tenantId, name);
    if (current) return replaceSecret(deps, tx, { current, secret, allowedOrigins, dataKey });

    const credentialId = random.id("crd") as CredentialId;
    const createdAt = new Date(clock.nowMs());
    const credential: Credential = {
      ...{ credentialId, tenantId, name, version: 1, allowedOrigins },
      ...describeSecret(fingerprintKey, tenantId, secret),
      ...{ createdAt, updatedAt: createdAt, revokedAt: null },
    };
    const envelope = sealEnvelope(random, dataKey, secret, bindingOf(credential));
    await store.insertCredential(tx, { ...credential, envelope });
    await outbox.append(tx, credentialCreated, { credentialId, tenantId, name, version: 1, actorId: currentActorId() });
    return credential;
  });
}

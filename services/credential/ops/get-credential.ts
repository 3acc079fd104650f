import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { CredentialDeps } from "../deps.ts";
import type { Credential } from "../model.ts";

/** Names a credential within its tenant. */
export interface CredentialReference {
  readonly tenantId: string;
  readonly credentialId: string;
}

/** What may be known of a credential. Throws `not_found`, also for one of another tenant. */
export async function getCredential(
  { store }: Pick<CredentialDeps, "store">,
  { tenantId, credentialId }: CredentialReference,
): Promise<Credential> {
  const credential = await store.findCredential(tenantId, credentialId);
  if (!credential) throw new Failure(credentialFailures.not_found);
  return credential;
}

import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { CredentialDeps } from "../deps.ts";
import type { Credential } from "../model.ts";

/** What may be known of a credential. Throws `not_found`, also for one of another tenant. */
export async function getCredential(
  { store }: Pick<CredentialDeps, "store">,
  { tenantId, credentialId }: { readonly tenantId: string; readonly credentialId: string },
): Promise<Credential> {
  const credential = await store.findCredential(tenantId, credentialId);
  if (!credential) throw new Failure(credentialFailures.not_found);
  return credential;
}

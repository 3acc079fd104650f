import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { CredentialDeps } from "../deps.ts";
import { dataKeyIdOf, openEnvelope } from "../envelope.ts";
import { bindingOf, toOrigin } from "../model.ts";

export interface RevealCredentialInput {
  readonly credentialId: string;
  /** Where the secret will be sent. */
  readonly origin: string;
}

/**
 * The secret, for a service that is about to send it to `origin`. Throws `not_found`, `revoked`, `origin_refused` for an
 * origin the secret is not bound to, and `unreadable` when the stored bytes or the key are not those of the sealing.
 */
export async function revealCredential(
  { store, dataKeys }: Pick<CredentialDeps, "store" | "dataKeys">,
  { credentialId, origin }: RevealCredentialInput,
): Promise<{ readonly secret: Secret; readonly version: number }> {
  const credential = await store.findSealed(credentialId);
  if (!credential) throw new Failure(credentialFailures.not_found);
  if (!credential.envelope) throw new Failure(credentialFailures.revoked);

  const wanted = toOrigin(origin);
  if (wanted === undefined || !credential.allowedOrigins.includes(wanted)) {
    throw new Failure(credentialFailures.origin_refused, { origin: wanted ?? "this address" });
  }

  const dataKeyId = dataKeyIdOf(credential.envelope);
  if (dataKeyId === undefined) throw new Failure(credentialFailures.unreadable);
  const secret = openEnvelope(await dataKeys.get(dataKeyId), credential.envelope, bindingOf(credential));
  if (!secret) throw new Failure(credentialFailures.unreadable);
  return { secret, version: credential.version };
}

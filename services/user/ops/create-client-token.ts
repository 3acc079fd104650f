import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { ClientProof } from "@lyss/kit/oauth/client-authentication.ts";
import type { ScopedToken } from "@lyss/kit/oauth/token-body.ts";
import type { UserDeps } from "../deps.ts";

export interface CreateClientTokenInput extends ClientProof {
  readonly scope: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * An access token for a service client, whose wrong secrets and assertions make wait like wrong passwords. They count for the client at one
 * address: nobody who does not know the secret shuts the client out elsewhere. A secret that is right costs no write here, so
 * many processes of a client may come at once. Throws `too_many_attempts` and what auth throws. A repeat gives another token.
 */
export async function createClientToken(
  { guard, auth }: Pick<UserDeps, "guard" | "auth">,
  { clientId, proof, scope, clientAddress }: CreateClientTokenInput,
): Promise<ScopedToken> {
  const attempt = { account: `client ${clientId} ${clientAddress}`, clientAddress };
  await guard.requireCalm(attempt);
  try {
    const shown =
      proof.kind === "secret" ? { clientSecret: proof.secret.reveal() } : { clientAssertion: proof.assertion.reveal() };
    return await auth.createClientToken({ clientId, ...shown, scope, clientAddress });
  } catch (err) {
    if (isFailure(err, authFailures.client_refused)) await guard.fail(attempt);
    throw err;
  }
}

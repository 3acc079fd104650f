import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { ScopedToken } from "@lyss/kit/oauth/token-body.ts";
import type { UserDeps } from "../deps.ts";

export interface CreateClientTokenInput {
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * An access token for a service client, whose wrong secrets make wait like wrong passwords. They count for the client at one
 * address: nobody who does not know the secret shuts the client out elsewhere. A secret that is right costs no write here, so
 * many processes of a client may come at once. Throws `too_many_attempts` and what auth throws. A repeat gives another token.
 */
export async function createClientToken(
  { guard, auth }: Pick<UserDeps, "guard" | "auth">,
  { clientId, clientSecret, scope, clientAddress }: CreateClientTokenInput,
): Promise<ScopedToken> {
  const attempt = { account: `client ${clientId} ${clientAddress}`, clientAddress };
  await guard.requireCalm(attempt);
  try {
    return await auth.createClientToken({ clientId, clientSecret: clientSecret.reveal(), scope, clientAddress });
  } catch (err) {
    if (isFailure(err, authFailures.client_refused)) await guard.fail(attempt);
    throw err;
  }
}

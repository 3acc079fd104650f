import type { Secret } from "@lyss/kit/config/secret.ts";
import type { AuthDeps } from "../deps.ts";
import { endSessions } from "./end-sessions.ts";
import { readToken } from "./read-token.ts";

export interface RevokeTokenInput {
  readonly token: Secret;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Ends the session of an access or refresh token, and so both (RFC 7009). Whoever holds it may; of any other text nothing is said and
 * nothing done, an API key among them. A repeat is safe.
 */
export async function revokeToken(deps: AuthDeps, { token, clientAddress }: RevokeTokenInput): Promise<void> {
  const session = (await readToken(deps, { token }))?.session;
  if (!session) return;
  const { tenantId, userId, sessionId } = session;
  const ending = { reason: "signed_out", actorId: userId, clientAddress } as const;
  await endSessions(deps, { tenantId, userId, sessionId, exceptSessionId: undefined, ...ending });
}

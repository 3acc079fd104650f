import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { SsoDeps } from "../deps.ts";
import { isOidc } from "../model.ts";
import { endSessionUrl } from "../oidc/logout.ts";
import { openJson } from "../sealed.ts";
import { revealSecret } from "../signing-in.ts";
import { proofPurpose } from "./exchange-code.ts";

export interface EndOwnSessionInput {
  readonly tenantId: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly clientAddress: string;
  /** Where the provider sends the browser afterwards; one that it knows. */
  readonly returnTo: string | undefined;
}

/**
 * Ends the session, and tells where the person ends the one at the provider: undefined where the session stands on none, or
 * the provider offers no such place or does not answer. A repeat is safe.
 */
export async function endOwnSession(deps: SsoDeps, input: EndOwnSessionInput): Promise<string | undefined> {
  const { auth, signIns, connections, providers, db } = deps;
  const { tenantId, userId, sessionId, clientAddress, returnTo } = input;
  const session = await signIns.findSession(sessionId);
  await auth.endSessions({
    ...{ tenantId, userId, sessionId, reason: SessionEndReason.SIGNED_OUT, actorId: userId, clientAddress },
  });
  if (!session || session.userId !== userId) return undefined;
  await db.transaction((tx) => signIns.deleteSession(tx, sessionId));
  const connection = await connections.findSealed(session.connectionId);
  if (!connection || !isOidc(connection)) return undefined;
  const { sealedProof } = session;
  const idToken = sealedProof ? openJson<string>(deps, sealedProof, proofPurpose(sessionId)) : undefined;
  return providers.of(connection, revealSecret(deps, connection)).then(
    (provider) => endSessionUrl(provider, idToken, returnTo),
    // The session here is over; that counts.
    () => undefined,
  );
}

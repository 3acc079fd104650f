import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { isOidc } from "../model.ts";
import { readLogoutToken } from "../oidc/logout.ts";
import { toToldFailure } from "../oidc/told-failures.ts";
import { findOpenConnection } from "../signing-in.ts";

export interface EndProviderSessionsInput {
  readonly connectionId: string;
  readonly logoutToken: string;
  readonly clientAddress: string;
}

/**
 * Ends the sessions that stand on those which the provider has ended (OpenID Connect Back-Channel Logout 1.0). A token
 * counts once. Throws `connection_not_found`, `logout_refused` and `provider_unavailable`.
 */
export async function endProviderSessions(deps: SsoDeps, input: EndProviderSessionsInput): Promise<void> {
  const { db, signIns, auth, clock } = deps;
  const { connectionId, clientAddress } = input;
  const { connection, secret } = await findOpenConnection(deps, connectionId);
  if (!isOidc(connection)) throw new Failure(ssoFailures.connection_not_found);
  const { subject, providerSession, tokenId, expiresMs } = await deps.providers
    .of(connection, secret)
    .then((provider) => readLogoutToken(provider, connection, input.logoutToken, clock))
    .catch((err: unknown) => {
      const told = toToldFailure(err, connection.name);
      if (!isFailure(told, ssoFailures.answer_refused)) throw told;
      const { reason = "", reason_zh_CN = "" } = told.details;
      throw new Failure(ssoFailures.logout_refused, { reason, reason_zh_CN }, { cause: told });
    });
  for (const session of await signIns.listSessions(connectionId, subject, providerSession)) {
    const { tenantId, userId, sessionId } = session;
    await auth.endSessions({ tenantId, userId, sessionId, reason: SessionEndReason.SIGNED_OUT, clientAddress });
    await db.transaction((tx) => signIns.deleteSession(tx, sessionId));
  }
  // Noted when all is done: a provider that tries again after a failure of ours must not be refused.
  const isFirst = await db.transaction((tx) => signIns.insertSeen(tx, connectionId, tokenId, new Date(expiresMs)));
  if (!isFirst) {
    const details = { reason: "it was used before", reason_zh_CN: "已被使用过" };
    throw new Failure(ssoFailures.logout_refused, details);
  }
}

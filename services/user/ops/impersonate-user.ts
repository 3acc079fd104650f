import { userAudit } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";

export interface ImpersonateUserInput {
  readonly userId: string;
  readonly operator: {
    readonly userId: string;
    readonly sessionId: string;
    readonly permissions: readonly string[];
  };
  /** For the person to read. */
  readonly reason: string;
  /** Of the operator; empty when it is not known. */
  readonly clientAddress: string;
  readonly userAgent: string;
}

export interface Impersonated {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly sessionId: string;
}

/**
 * An access token by which an operator acts in a person's name for 15 minutes at most. It stands in the person's audit log before the token is
 * given, and the person is told by mail unless the tenant does not want that. Throws `not_found` and what auth throws. A repeat ends the one before.
 */
export async function impersonateUser(
  {
    db,
    store,
    accounts,
    auth,
    audit,
    writer,
  }: Pick<UserDeps, "db" | "store" | "accounts" | "auth" | "audit" | "writer">,
  { userId, operator, reason, clientAddress, userAgent }: ImpersonateUserInput,
): Promise<Impersonated> {
  const person = await store.findUser(userId, undefined);
  if (!person) throw new Failure(userFailures.not_found);
  const { tenantId, role } = person;
  const { accessToken, expiresInSeconds, sessionId, isSilent } = await auth.startImpersonation({
    ...{ userId, tenantId, role, reason, clientAddress, userAgent },
    ...{ operatorId: operator.userId, operatorSessionId: operator.sessionId },
    operatorPermissions: [...operator.permissions],
  });
  const act = { event: userAudit.impersonated, userId, tenantId, actorId: operator.userId, clientAddress };
  await db.transaction(async (tx) => {
    await audit.append(tx, { ...act, detail: reason, eventId: `aud_${sessionId}` });
    const account = isSilent ? undefined : await accounts.lockAccount(tx, userId);
    const minutes = String(Math.ceil(expiresInSeconds / 60));
    if (account) await writer.tell(tx, "impersonated", account, { reason, minutes });
  });
  return { accessToken, expiresInSeconds, sessionId };
}

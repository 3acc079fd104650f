import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { permissionsOfRole } from "@lyss/contracts/access/roles.ts";
import { impersonationStarted } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import { endImpersonations } from "../say-ended.ts";
import {
  impersonatePermission,
  isOfPlatform,
  maxImpersonationMs,
  ownSession,
  type Session,
  type SessionId,
} from "../session-model.ts";
import { signAccessToken } from "../session-tokens.ts";

export interface StartImpersonationInput {
  readonly userId: string;
  readonly tenantId: string;
  /** Of the person; counts until auth has been told another. */
  readonly role: string;
  readonly operatorId: string;
  readonly operatorSessionId: string;
  readonly operatorPermissions: readonly string[];
  /** For the person to read. */
  readonly reason: string;
  /** Of the operator; empty when it is not known. */
  readonly clientAddress: string;
  readonly userAgent: string;
}

export interface Impersonation {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly sessionId: string;
  /** Whether the person's tenant does not want them to be told by mail. */
  readonly isSilent: boolean;
}

/**
 * A session of a person's in which an operator acts, for 15 minutes at most and without a refresh token. It ends with the session in
 * which the operator asks, with either being barred, and when the operator begins another. Throws `impersonation_of_operator`,
 * `impersonation_above` for somebody who may do more than the operator, `access_barred`, `role_unknown`, `kit.permission_denied`
 * and `kit.person_required`. A repeat ends the one before.
 */
export async function startImpersonation(deps: AuthDeps, input: StartImpersonationInput): Promise<Impersonation> {
  const { db, sessions, principals, access, outbox, clock, random } = deps;
  const { userId, tenantId, operatorId, operatorSessionId, reason, clientAddress, userAgent } = input;
  if (!permits(input.operatorPermissions, impersonatePermission)) {
    throw new Failure(kitFailures.permission_denied, { permission: impersonatePermission });
  }
  if (operatorSessionId === "") throw new Failure(kitFailures.person_required);
  if (userId === operatorId) throw new Failure(authFailures.impersonation_of_operator);
  const now = new Date(clock.nowMs());
  const session: Session = {
    ...ownSession,
    ...{ sessionId: random.id("ses") as SessionId, tenantId, userId, operatorId, operatorSessionId, reason },
    ...{ methods: [], clientAddress, userAgent, createdAt: now, lastSeenAt: now, factorAt: null, provenAt: null },
    expiresAt: new Date(now.getTime() + Math.min(deps.accessTokenTtlMs, maxImpersonationMs)),
    endedAt: null,
  };
  const { sessionId, expiresAt } = session;
  const { role, permissions } = await db.transaction(async (tx) => {
    const principal = await principals.seePrincipal(tx, { tenantId, userId, role: input.role });
    if (principal.isBarred || (await principals.isBarred(tx, tenantId, ""))) {
      throw new Failure(authFailures.access_barred);
    }
    const given = await access.listGiven(tx, { tenantId, userId });
    const ofRole = permissionsOfRole(principal.role, principal.rolePermissions);
    if (!ofRole) throw new Failure(authFailures.role_unknown, { role: principal.role });
    const held = [...ofRole, ...given.map(({ permission }) => permission)];
    requireBelow(input.operatorPermissions, held);
    const ending = { reason: "revoked", actorId: operatorId, clientAddress } as const;
    await endImpersonations(deps, tx, { operatorId, inSessions: undefined }, ending);
    await sessions.insertSession(tx, session);
    await outbox.append(tx, impersonationStarted, {
      ...{ sessionId, tenantId, userId, operatorId, reason, clientAddress },
      ...{ startedAt: timestampFromDate(now), expiresAt: timestampFromDate(expiresAt) },
    });
    return { role: principal.role, permissions: held };
  });
  const { accessToken, expiresAtMs } = await signAccessToken(deps, { session, role, permissions });
  const policy = await access.findPolicy(db.sql, tenantId);
  const expiresInSeconds = Math.max(0, Math.floor((expiresAtMs - now.getTime()) / 1_000));
  return { accessToken, expiresInSeconds, sessionId, isSilent: policy?.silentImpersonation ?? false };
}

function requireBelow(operatorPermissions: readonly string[], held: readonly string[]): void {
  if (held.some(isOfPlatform)) throw new Failure(authFailures.impersonation_of_operator);
  const permission = held.find((one) => !permits(operatorPermissions, one));
  if (permission !== undefined) throw new Failure(authFailures.impersonation_above, { permission });
}

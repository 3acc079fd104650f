import { permissionsOfRole } from "@lyss/contracts/access/roles.ts";
import { sessionStarted } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { toSessionStarted } from "../messages.ts";
import { earlier } from "../model.ts";
import { sayEnded } from "../say-ended.ts";
import { hasSecondFactor, ownSession, permissionsIn, type Session, type SessionId } from "../session-model.ts";
import {
  generateRefreshToken,
  hashRefreshToken,
  type SessionTokens,
  signAccessToken,
  toSessionTokens,
} from "../session-tokens.ts";
import { isMethodRefused, limitSession } from "../sign-in-policy.ts";

export interface StartSessionInput {
  readonly userId: string;
  readonly tenantId: string;
  /** Counts until auth has been told another. */
  readonly role: string;
  /** How the person was recognised (RFC 8176). */
  readonly methods: readonly string[];
  /** Empty when it is not known. */
  readonly clientAddress: string;
  readonly userAgent: string;
  /** When whoever vouched for the person stops doing so; null, or not given, for never. */
  readonly notAfter?: Date | null;
  /** Which session it becomes, where that was said before; empty, or not given, for a new id. */
  readonly plannedSessionId?: SessionId | "";
}

/**
 * Starts a session for a person whose proof the caller has checked, and gives its tokens. The oldest beyond
 * `maxSessionsPerPerson` end. Throws `role_unknown`, `access_barred` and `sign_in_method_refused`. A repeat starts another.
 */
export async function startSession(deps: AuthDeps, input: StartSessionInput): Promise<SessionTokens> {
  const { db, sessions, principals, access, outbox, clock, random, refreshPepper } = deps;
  const { userId, tenantId, methods, clientAddress, userAgent } = input;
  const now = new Date(clock.nowMs());
  const policy = await access.findPolicy(db.sql, tenantId);
  const { ttlMs, idleTtlMs } = limitSession(policy, deps);
  const sessionId = input.plannedSessionId || (random.id("ses") as SessionId);
  const session: Session = {
    ...{ sessionId, tenantId, userId, methods, clientAddress, userAgent, createdAt: now, lastSeenAt: now },
    factorAt: hasSecondFactor(methods) ? now : null,
    provenAt: now,
    expiresAt: earlier(new Date(now.getTime() + ttlMs), input.notAfter ?? null) ?? now,
    ...{ ...ownSession, endedAt: null },
  };
  const refreshToken = generateRefreshToken(random);
  const refreshExpiresAtMs = Math.min(now.getTime() + idleTtlMs, session.expiresAt.getTime());

  const { role, ofRole, given } = await db.transaction(async (tx) => {
    const principal = await principals.seePrincipal(tx, { tenantId, userId, role: input.role });
    if (principal.isBarred || (await principals.isBarred(tx, tenantId, ""))) {
      throw new Failure(authFailures.access_barred);
    }
    const { role: known } = principal;
    const ofRole = permissionsOfRole(known, principal.rolePermissions);
    if (!ofRole) throw new Failure(authFailures.role_unknown, { role: known });
    if (isMethodRefused(policy, known, methods)) {
      throw new Failure(authFailures.sign_in_method_refused, { methods: policy?.signInMethods.join(", ") ?? "" });
    }
    await sessions.insertSession(tx, session);
    const tokenHash = hashRefreshToken(refreshPepper, refreshToken);
    await sessions.insertRefreshToken(tx, {
      tokenHash,
      sessionId,
      createdAt: now,
      expiresAt: new Date(refreshExpiresAtMs),
    });
    await outbox.append(tx, sessionStarted, toSessionStarted(session));
    for (const oldest of await sessions.listOldest(tx, tenantId, userId, deps.maxSessionsPerPerson, now)) {
      const selection = { tenantId, userId, sessionId: oldest.sessionId, exceptSessionId: undefined };
      await sayEnded(deps, tx, selection, { reason: "too_many", actorId: "", clientAddress: "" });
    }
    return { role: known, ofRole, given: await access.listGiven(tx, { tenantId, userId }) };
  });
  const permissions = permissionsIn(session, {
    ofRole,
    given: given.map(({ permission }) => permission),
    isFactorWanted: policy?.requireMfa ?? false,
  });
  const { accessToken, expiresAtMs } = await signAccessToken(deps, { session, role, permissions });
  const pair = { accessToken, expiresAtMs, refreshToken, refreshExpiresAtMs };
  return toSessionTokens(sessionId, pair, now.getTime());
}

import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { sayEnded } from "../say-ended.ts";
import { hasSecondFactor, permissionsOf, type Session, type SessionId } from "../session-model.ts";
import {
  generateRefreshToken,
  hashRefreshToken,
  type SessionTokens,
  signAccessToken,
  toSessionTokens,
} from "../session-tokens.ts";

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
}

/**
 * Starts a session for a person whose proof the caller has checked, and gives its tokens. The oldest beyond
 * `maxSessionsPerPerson` end. Throws `role_unknown` and `access_barred`. A repeat starts another.
 */
export async function startSession(deps: AuthDeps, input: StartSessionInput): Promise<SessionTokens> {
  const { db, sessions, principals, clock, random, refreshPepper } = deps;
  const { userId, tenantId, methods, clientAddress, userAgent } = input;
  if (!permissionsOf(input.role)) throw new Failure(authFailures.role_unknown, { role: input.role });
  const now = new Date(clock.nowMs());
  const sessionId = random.id("ses") as SessionId;
  const session: Session = {
    ...{ sessionId, tenantId, userId, methods, clientAddress, userAgent, createdAt: now, lastSeenAt: now },
    factorAt: hasSecondFactor(methods) ? now : null,
    expiresAt: new Date(now.getTime() + deps.sessionTtlMs),
    endedAt: null,
  };
  const refreshToken = generateRefreshToken(random);
  const refreshExpiresAtMs = now.getTime() + Math.min(deps.sessionIdleTtlMs, deps.sessionTtlMs);

  const role = await db.transaction(async (tx) => {
    const principal = await principals.seePrincipal(tx, { tenantId, userId, role: input.role });
    if (principal.isBarred || (await principals.isBarred(tx, tenantId, ""))) {
      throw new Failure(authFailures.access_barred);
    }
    await sessions.insertSession(tx, session);
    const tokenHash = hashRefreshToken(refreshPepper, refreshToken);
    await sessions.insertRefreshToken(tx, {
      tokenHash,
      sessionId,
      createdAt: now,
      expiresAt: new Date(refreshExpiresAtMs),
    });
    for (const oldest of await sessions.listOldest(tx, tenantId, userId, deps.maxSessionsPerPerson, now)) {
      const selection = { tenantId, userId, sessionId: oldest.sessionId, exceptSessionId: undefined };
      await sayEnded(deps, tx, selection, { reason: "too_many", actorId: "", clientAddress: "" });
    }
    return principal.role;
  });
  const subject = { session, role, permissions: permissionsOf(role) ?? [] };
  const { accessToken, expiresAtMs } = await signAccessToken(deps, subject);
  const pair = { accessToken, expiresAtMs, refreshToken, refreshExpiresAtMs };
  return toSessionTokens(sessionId, pair, now.getTime());
}

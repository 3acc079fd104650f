import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { isSecret } from "../key-secret.ts";
import { sayEnded } from "../say-ended.ts";
import { judgeRefresh, judgeSession, type StoredRefreshToken } from "../session-model.ts";
import {
  generateRefreshToken,
  hashRefreshToken,
  refreshTokenPrefix,
  type SessionTokens,
  sealPair,
  signAccessToken,
  toSessionTokens,
  unsealPair,
} from "../session-tokens.ts";
import { limitSession } from "../sign-in-policy.ts";

export interface RefreshSessionInput {
  readonly refreshToken: Secret;
  /** Empty when it is not known. */
  readonly clientAddress: string;
  /** The access token is to fit into a cookie: it names the session alone, of which its permissions are asked anyway. */
  readonly isForCookie?: boolean;
}

/**
 * The one pair of tokens that follows a refresh token (RFC 6749, 6; RFC 9700, 4.14.2). Whoever shows the same token again
 * within `refreshGraceMs` of its answer gets the same pair, on whatever node; later that ends the session, for two hold
 * what one should. Where the database was lost while it answered, a repeat is safe. Throws `refresh_token_refused`, the
 * same for every reason.
 */
export async function refreshSession(deps: AuthDeps, input: RefreshSessionInput): Promise<SessionTokens> {
  const { db, sessions, clock, refreshPepper } = deps;
  const token = input.refreshToken.reveal();
  if (!isSecret(token, refreshTokenPrefix)) throw new Failure(authFailures.refresh_token_refused);
  const tokenHash = hashRefreshToken(refreshPepper, token);
  const answer = await db.transaction(async (tx) => {
    const stored = await sessions.lockRefreshToken(tx, tokenHash);
    return stored && followToken(deps, tx, { ...input, token, stored });
  });
  if (!answer) throw new Failure(authFailures.refresh_token_refused);
  // By itself, for it says that what is above has committed. Where it is lost, a repeat is let through for longer.
  const answeredAt = new Date(clock.nowMs());
  await db.transaction((tx) => sessions.noteAnswered(tx, tokenHash, answeredAt)).catch(() => undefined);
  return answer;
}

interface ShownToken {
  readonly token: string;
  readonly stored: StoredRefreshToken;
  readonly clientAddress: string;
  readonly isForCookie?: boolean;
}

/** Undefined for one that is refused: what that ends is to be committed, so nothing is thrown. */
async function followToken(
  deps: AuthDeps,
  tx: Tx,
  { token, stored, clientAddress, isForCookie = false }: ShownToken,
): Promise<SessionTokens | undefined> {
  const { sessions, clock, refreshGraceMs, refreshPepper } = deps;
  const { sessionId, sealedSuccessor } = stored;
  const nowMs = clock.nowMs();
  const verdict = judgeSession(await sessions.lockLiveSession(tx, sessionId), nowMs);
  if (!verdict.isActive) return undefined;
  const shown = judgeRefresh(stored, nowMs, refreshGraceMs);
  if (shown === "first") return rotate(deps, tx, { token, stored, verdict, isForCookie });
  if (shown === "repeat") {
    const pair = sealedSuccessor && unsealPair(refreshPepper, token, sealedSuccessor);
    return pair ? toSessionTokens(sessionId, pair, nowMs) : undefined;
  }
  if (shown === "reuse") {
    const { tenantId, userId } = verdict.session;
    const selection = { tenantId, userId, sessionId, exceptSessionId: undefined };
    await sayEnded(deps, tx, selection, { reason: "reuse", actorId: "", clientAddress });
  }
  return undefined;
}

interface Rotation extends Omit<ShownToken, "clientAddress"> {
  readonly verdict: Extract<ReturnType<typeof judgeSession>, { isActive: true }>;
}

async function rotate(deps: AuthDeps, tx: Tx, rotation: Rotation): Promise<SessionTokens> {
  const { token, stored, verdict, isForCookie } = rotation;
  const { sessions, clock, random, refreshPepper } = deps;
  const now = new Date(clock.nowMs());
  const { sessionId } = stored;
  const refreshToken = generateRefreshToken(random);
  const { idleTtlMs } = limitSession(await deps.access.findPolicy(tx, verdict.session.tenantId), deps);
  const expiresAt = new Date(Math.min(now.getTime() + idleTtlMs, verdict.session.expiresAt.getTime()));
  const { accessToken, expiresAtMs } = await signAccessToken(
    deps,
    isForCookie ? { ...verdict, permissions: [] } : verdict,
  );
  const pair = { accessToken, expiresAtMs, refreshToken, refreshExpiresAtMs: expiresAt.getTime() };
  await sessions.noteAnswersOf(tx, sessionId, now);
  await sessions.useRefreshToken(tx, stored.tokenHash, now, sealPair(deps, token, pair));
  const tokenHash = hashRefreshToken(refreshPepper, refreshToken);
  await sessions.insertRefreshToken(tx, { tokenHash, sessionId, createdAt: now, expiresAt });
  await sessions.noteRefresh(tx, sessionId, now);
  return toSessionTokens(sessionId, pair, now.getTime());
}

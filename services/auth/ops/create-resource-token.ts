import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import { judgeSession } from "../session-model.ts";
import { signAccessToken } from "../session-tokens.ts";

export interface CreateResourceTokenInput {
  readonly sessionId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly ttlSeconds: number;
}

/**
 * An access token that is good at the audience alone, for as much of the scopes as the person holds. It stands on the session, and ends with it. Throws
 * `session_not_found` for a session that is over, is another's, or is not a person's own.
 */
export async function createResourceToken(
  deps: AuthDeps,
  { sessionId, userId, clientId, audience, scopes, ttlSeconds }: CreateResourceTokenInput,
): Promise<{ readonly accessToken: string }> {
  const verdict = judgeSession(await deps.sessions.findLiveSession(sessionId), deps.clock.nowMs());
  const isOwn = verdict.isActive && verdict.session.userId === userId && verdict.session.operatorId === null;
  if (!isOwn || verdict.session.clientId !== null) throw new Failure(authFailures.session_not_found);
  const permissions = scopes.filter((scope) => permits(verdict.permissions, scope));
  const { accessToken } = await signAccessToken(
    { ...deps, audience, accessTokenTtlMs: ttlSeconds * 1_000 },
    { session: verdict.session, role: verdict.role, permissions, programId: clientId },
  );
  return { accessToken };
}

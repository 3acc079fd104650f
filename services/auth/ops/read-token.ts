import { Secret } from "@lyss/kit/config/secret.ts";
import { errors, jwtVerify } from "jose";
import type { AuthDeps } from "../deps.ts";
import { isKeySecret, isSecret } from "../key-secret.ts";
import { judgeRefresh, judgeSession, type Session } from "../session-model.ts";
import { hashRefreshToken, refreshTokenPrefix } from "../session-tokens.ts";
import { verifyKey } from "./verify-key.ts";

/** A token of ours that is good now: what it is, and whose. */
export interface ReadToken {
  readonly kind: "access_token" | "refresh_token" | "api_key";
  readonly tenantId: string;
  readonly userId: string;
  readonly permissions: readonly string[];
  /** Undefined for an API key. A service client's has a `clientId`. */
  readonly session: Session | undefined;
  readonly issuedAtMs: number;
  /** Undefined for one that never expires. */
  readonly expiresAtMs: number | undefined;
}

/** What a token is good for now. Undefined for any that is not: malformed, unknown, used, expired, of a session that is over. */
export async function readToken(deps: AuthDeps, { token }: { readonly token: Secret }): Promise<ReadToken | undefined> {
  const text = token.reveal();
  if (isKeySecret(text)) return readKey(deps, text);
  if (isSecret(text, refreshTokenPrefix)) return readRefreshToken(deps, text);
  return readAccessToken(deps, text);
}

async function readKey(deps: AuthDeps, text: string): Promise<ReadToken | undefined> {
  const verdict = await verifyKey(deps, { secret: new Secret(text) });
  if (!verdict.isVerified) return undefined;
  const { tenantId, userId, permissions, createdAt } = verdict.key;
  const expiresAtMs = verdict.expiresAt?.getTime();
  const issuedAtMs = createdAt.getTime();
  return { kind: "api_key", tenantId, userId, permissions, session: undefined, issuedAtMs, expiresAtMs };
}

async function readRefreshToken(deps: AuthDeps, text: string): Promise<ReadToken | undefined> {
  const { sessions, clock, refreshPepper, refreshGraceMs } = deps;
  const stored = await sessions.findRefreshToken(hashRefreshToken(refreshPepper, text));
  if (!stored || judgeRefresh(stored, clock.nowMs(), refreshGraceMs) !== "first") return undefined;
  const times = { issuedAtMs: stored.createdAt.getTime(), expiresAtMs: stored.expiresAt.getTime() };
  return readSession(deps, stored.sessionId, { kind: "refresh_token", ...times });
}

async function readAccessToken(deps: AuthDeps, text: string): Promise<ReadToken | undefined> {
  const { clock, signingKeys, issuer, audience } = deps;
  try {
    const { payload } = await jwtVerify(text, ({ kid }) => signingKeys.publicKeyOf(kid ?? ""), {
      ...{ issuer, audience, algorithms: ["EdDSA"], typ: "at+jwt" },
      requiredClaims: ["sub", "exp", "iat", "sid"],
      currentDate: new Date(clock.nowMs()),
    });
    const { sid, iat = 0, exp = 0 } = payload;
    if (typeof sid !== "string") return undefined;
    return readSession(deps, sid, { kind: "access_token", issuedAtMs: iat * 1_000, expiresAtMs: exp * 1_000 });
  } catch (err) {
    if (err instanceof errors.JOSEError) return undefined;
    throw err;
  }
}

async function readSession(
  { sessions, clock }: AuthDeps,
  sessionId: string,
  of: Pick<ReadToken, "kind" | "issuedAtMs" | "expiresAtMs">,
): Promise<ReadToken | undefined> {
  const verdict = judgeSession(await sessions.findLiveSession(sessionId), clock.nowMs());
  if (!verdict.isActive) return undefined;
  const { session, permissions } = verdict;
  return { ...of, tenantId: session.tenantId, userId: session.userId, permissions, session };
}

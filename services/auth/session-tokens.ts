import { createHmac } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { SignJWT } from "jose";
import { generateSecret } from "./key-secret.ts";
import type { Session, SessionId } from "./session-model.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** What a person signs in with gives: both tokens, and when they stop working. */
export interface SessionTokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly refreshExpiresInSeconds: number;
  readonly sessionId: SessionId;
}

/** The same with times, as it is sealed for a repeat. */
interface SealedPair {
  readonly accessToken: string;
  readonly expiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshExpiresAtMs: number;
}

export const refreshTokenPrefix = "lyr_";

export interface SessionTokenDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly signingKeys: Pick<SigningKeys, "signer">;
  readonly issuer: string;
  readonly audience: string;
  readonly accessTokenTtlMs: number;
  /** Keyed hashing of refresh tokens: the stored hashes alone verify nothing. */
  readonly refreshPepper: Buffer;
}

/** Who an access token is for, and what its bearer may do when it is made. */
export interface AccessTokenSubject {
  readonly session: Pick<
    Session,
    "sessionId" | "tenantId" | "userId" | "methods" | "createdAt" | "provenAt" | "expiresAt" | "clientId" | "operatorId"
  >;
  /** Empty for a service client. */
  readonly role: string;
  readonly permissions: readonly string[];
  /** Of the program that a person has let in, whose token it is; undefined for their own. */
  readonly programId?: string;
}

/** An access token (JWT, `typ` at+jwt, RFC 9068) that names its session, and when it expires. */
export async function signAccessToken(
  { clock, random, signingKeys, issuer, audience, accessTokenTtlMs }: SessionTokenDeps,
  { session, role, permissions, programId }: AccessTokenSubject,
): Promise<{ readonly accessToken: string; readonly expiresAtMs: number }> {
  const { jwk, privateKey } = signingKeys.signer();
  const issuedAt = Math.floor(clock.nowMs() / 1_000);
  const latest = Math.max(issuedAt, Math.floor(session.expiresAt.getTime() / 1_000));
  const expiresAt = Math.min(issuedAt + Math.floor(accessTokenTtlMs / 1_000), latest);
  const { tenantId, userId, sessionId } = session;
  const accessToken = await new SignJWT({
    tenant_id: tenantId,
    permissions,
    sid: sessionId,
    ...claimsOf(session, role, permissions),
    ...(programId !== undefined && { client_id: programId, scope: permissions.join(" ") }),
  })
    .setProtectedHeader({ alg: jwk.alg, kid: jwk.kid, typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(userId)
    .setJti(random.id("tok"))
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(privateKey);
  return { accessToken, expiresAtMs: expiresAt * 1_000 };
}

/** RFC 9068, 2.2: how a person signed in, or which client it is and what its token permits. */
function claimsOf(
  { methods, createdAt, provenAt, clientId, operatorId }: AccessTokenSubject["session"],
  role: string,
  permissions: readonly string[],
) {
  if (clientId !== null) return { client_id: clientId, scope: permissions.join(" ") };
  // RFC 8693, 4.1: who acts in the name of the subject. That one has shown nothing here.
  if (operatorId !== null) return { role, act: { sub: operatorId } };
  const provenSeconds = provenAt && Math.floor(provenAt.getTime() / 1_000);
  return {
    ...{ role, amr: methods, auth_time: Math.floor(createdAt.getTime() / 1_000) },
    ...(provenSeconds && { proven_at: provenSeconds }),
  };
}

/** A new refresh token: `lyr_` and the form of an API key, so that scanners find leaked ones and junk costs no look-up. */
export function generateRefreshToken(random: Random): string {
  return generateSecret(random, refreshTokenPrefix);
}

/** What is stored and looked up instead of a refresh token. */
export function hashRefreshToken(pepper: Buffer, token: string): Buffer {
  return createHmac("sha256", pepper).update(token).digest();
}

/** Seals the pair that follows a refresh token. It opens with that token alone, which is stored nowhere. */
export function sealPair(deps: Pick<SessionTokenDeps, "random" | "refreshPepper">, token: string, pair: SealedPair) {
  const plaintext = Buffer.from(JSON.stringify(pair));
  return seal(deps.random, pairKey(deps.refreshPepper, token), plaintext, "refresh-successor");
}

/** Undefined for what was sealed for another token or under another root key. */
export function unsealPair(pepper: Buffer, token: string, sealed: Buffer): SealedPair | undefined {
  const plaintext = unseal(pairKey(pepper, token), sealed, "refresh-successor");
  return plaintext && (JSON.parse(plaintext.toString()) as SealedPair);
}

/** The pair as whoever asks gets it at that time. */
export function toSessionTokens(sessionId: SessionId, pair: SealedPair, nowMs: number): SessionTokens {
  const secondsUntil = (endMs: number) => Math.max(0, Math.floor((endMs - nowMs) / 1_000));
  const { accessToken, refreshToken, expiresAtMs, refreshExpiresAtMs } = pair;
  return {
    ...{ accessToken, refreshToken, sessionId },
    // The token's own times are whole seconds, so its life is told in the seconds that it was made for.
    expiresInSeconds: Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1_000)),
    refreshExpiresInSeconds: secondsUntil(refreshExpiresAtMs),
  };
}

function pairKey(pepper: Buffer, token: string): Buffer {
  return createHmac("sha256", pepper).update("successor\0").update(token).digest();
}

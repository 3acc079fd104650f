import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { SignJWT } from "jose";
import type { AuthDeps } from "../deps.ts";
import { permissionsByRole } from "../model.ts";

export interface IssueTokenInput {
  readonly userId: string;
  readonly tenantId: string;
  readonly role: string;
}

/** An access token (JWT, `typ` at+jwt, RFC 9068) and its life time. Throws `role_unknown`. */
export async function issueToken(
  { clock, random, signingKeys, issuer, audience, accessTokenTtlMs }: Omit<AuthDeps, "db" | "store" | "outbox">,
  { userId, tenantId, role }: IssueTokenInput,
): Promise<{ readonly accessToken: string; readonly expiresInSeconds: number }> {
  const permissions = Object.hasOwn(permissionsByRole, role) ? permissionsByRole[role] : undefined;
  if (!permissions) throw new Failure(authFailures.role_unknown, { role });
  const [{ jwk, privateKey }] = signingKeys;
  const issuedAt = Math.floor(clock.nowMs() / 1_000);
  const expiresInSeconds = Math.floor(accessTokenTtlMs / 1_000);
  const accessToken = await new SignJWT({ tenant_id: tenantId, role, permissions })
    .setProtectedHeader({ alg: jwk.alg, kid: jwk.kid, typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(userId)
    .setJti(random.id("tok"))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + expiresInSeconds)
    .sign(privateKey);
  return { accessToken, expiresInSeconds };
}

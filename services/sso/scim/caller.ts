import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { SsoDeps } from "../deps.ts";
import { sha256 } from "../sealed.ts";
import type { ScimCaller, ScimGroup, ScimReference, ScimUser } from "./model.ts";

const prefix = "lyss_scim_";
const secretPattern = /^Bearer +(lyss_scim_[A-Za-z0-9_-]{43})$/i;
/** The last use of a token is known to a minute. */
const useStepMs = 60_000;

/** A new secret: a prefix that scanners know, and 256 random bits. */
export function newScimSecret(random: Random): { secret: string; secretHash: Buffer; shown: string } {
  const secret = prefix + random.bytes(32).toString("base64url");
  return { secret, secretHash: sha256(secret), shown: secret.slice(0, prefix.length + 4) };
}

/** Who sends a header `Authorization` with a token. Throws `scim_token_refused`, the same for every reason. */
export async function findScimCaller(
  { scimTokens, connections, clock }: Pick<SsoDeps, "scimTokens" | "connections" | "clock">,
  { authorization, clientAddress }: { readonly authorization: string | undefined; readonly clientAddress: string },
): Promise<ScimCaller> {
  const [, secret] = secretPattern.exec(authorization ?? "") ?? [];
  const now = new Date(clock.nowMs());
  const token = secret === undefined ? undefined : await scimTokens.findBySecret(sha256(secret), now);
  const connection = token && (await connections.findConnection(token.tenantId, token.connectionId));
  if (!token || !connection?.isEnabled) throw new Failure(ssoFailures.scim_token_refused);
  const since = new Date(now.getTime() - useStepMs);
  if (token.lastUsedAt === null || token.lastUsedAt < since) await scimTokens.noteUse(token.tokenId, now, since);
  return { connection, tokenId: token.tokenId, clientAddress };
}

/** Throws `scim_not_found`. */
export function requireFound<Row>(row: Row | undefined, { resourceId }: Pick<ScimReference, "resourceId">): Row {
  if (row === undefined) throw new Failure(ssoFailures.scim_not_found, { id: resourceId.slice(0, 100) });
  return row;
}

/** Throws `scim_version_mismatch`. */
export function requireScimVersion(
  { version: current }: Pick<ScimUser | ScimGroup, "version">,
  { expectedVersion: expected }: Pick<ScimReference, "expectedVersion">,
): void {
  if (expected === undefined || expected === current) return;
  throw new Failure(ssoFailures.scim_version_mismatch, { current, expected });
}

import { ssoScimTokenCreated, ssoScimTokenRevoked } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import type { Author, Connection } from "../model.ts";
import { requireHeldRules } from "../require-held.ts";
import { scimLimits } from "../scim/attributes.ts";
import { newScimSecret } from "../scim/caller.ts";
import { toTokenMessage } from "../scim/messages.ts";
import type { ScimToken } from "../scim/model.ts";

type TokenDeps = Pick<SsoDeps, "db" | "connections" | "scimTokens" | "outbox" | "clock" | "random" | "auth" | "group">;

export interface ScimTokenInput {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly author: Author;
}

/** Who is given a secret manages the connection's people, and gives them by groups what it gives. */
export interface NewScimTokenInput extends ScimTokenInput {
  /** What the author holds. */
  readonly held: readonly string[];
}

/** A token with its secret, which is shown this once. */
export interface ShownToken {
  readonly token: ScimToken;
  readonly secret: string;
}

/** The connection's tokens, newest first. Throws `connection_not_found`. */
export async function listScimTokens(
  { connections, scimTokens }: Pick<SsoDeps, "connections" | "scimTokens">,
  { tenantId, connectionId }: Omit<ScimTokenInput, "author">,
): Promise<readonly ScimToken[]> {
  const found = await connections.findConnection(tenantId, connectionId);
  if (!found) throw new Failure(ssoFailures.connection_not_found);
  return scimTokens.listTokens(connectionId);
}

/**
 * A new token; without `ttlMs` it has no end. Throws `connection_not_found`, `scim_too_many` and what `requireHeldRules` throws. A repeat
 * makes a second one.
 */
export async function createScimToken(
  deps: TokenDeps,
  { ttlMs, ...input }: NewScimTokenInput & { readonly ttlMs: number | undefined },
): Promise<ShownToken> {
  return deps.db.transaction(async (tx) => {
    const { rules } = await lockConnection(deps, tx, input);
    await requireHeldRules(deps, rules, input);
    return insert(deps, tx, input, ttlMs);
  });
}

/**
 * A new token in the place of another one, which works for `graceMs` more, or less if it ends earlier. Throws
 * `connection_not_found`, `scim_token_not_found`, `scim_too_many` and what `requireHeldRules` throws.
 */
export async function rotateScimToken(
  deps: TokenDeps,
  { tokenId, graceMs, ...input }: NewScimTokenInput & { readonly tokenId: string; readonly graceMs: number },
): Promise<ShownToken> {
  const { db, scimTokens, clock } = deps;
  return db.transaction(async (tx) => {
    const { rules } = await lockConnection(deps, tx, input);
    await requireHeldRules(deps, rules, input);
    const before = await scimTokens.lockToken(tx, input.connectionId, tokenId);
    if (!before) throw new Failure(ssoFailures.scim_token_not_found);
    const nowMs = clock.nowMs();
    const endsAtMs = Math.min(nowMs + graceMs, before.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
    await end(deps, tx, { ...before, expiresAt: new Date(endsAtMs) }, input.author);
    const ttlMs = before.expiresAt ? before.expiresAt.getTime() - before.createdAt.getTime() : undefined;
    return insert(deps, tx, input, ttlMs);
  });
}

/** The token is refused from now on, on every node. Throws `connection_not_found` and `scim_token_not_found`. */
export async function revokeScimToken(
  deps: TokenDeps,
  { tokenId, ...input }: ScimTokenInput & { readonly tokenId: string },
): Promise<void> {
  const { db, scimTokens, clock } = deps;
  await db.transaction(async (tx) => {
    await lockConnection(deps, tx, input);
    const before = await scimTokens.lockToken(tx, input.connectionId, tokenId);
    if (!before) throw new Failure(ssoFailures.scim_token_not_found);
    await end(deps, tx, { ...before, expiresAt: new Date(clock.nowMs()) }, input.author);
  });
}

async function lockConnection(
  { connections }: Pick<SsoDeps, "connections">,
  tx: Tx,
  { tenantId, connectionId }: ScimTokenInput,
): Promise<Connection> {
  const found = await connections.lockConnection(tx, tenantId, connectionId);
  if (!found) throw new Failure(ssoFailures.connection_not_found);
  return found;
}

async function insert(
  { scimTokens, outbox, clock, random }: TokenDeps,
  tx: Tx,
  { tenantId, connectionId, author }: ScimTokenInput,
  ttlMs: number | undefined,
): Promise<ShownToken> {
  const limit = scimLimits.tokensPerConnection;
  if ((await scimTokens.countTokens(tx, connectionId)) >= limit) {
    throw new Failure(ssoFailures.scim_too_many, { field: "SCIM tokens", limit });
  }
  const nowMs = clock.nowMs();
  const { secret, secretHash, shown } = newScimSecret(random);
  const token: ScimToken = {
    ...{ tokenId: random.id("sct"), connectionId, tenantId, prefix: shown, createdBy: author.userId },
    ...{
      createdAt: new Date(nowMs),
      lastUsedAt: null,
      expiresAt: ttlMs === undefined ? null : new Date(nowMs + ttlMs),
    },
  };
  await scimTokens.insertToken(tx, { ...token, secretHash });
  await outbox.append(tx, ssoScimTokenCreated, toTokenMessage(token, author, token.createdAt));
  return { token, secret };
}

/** At once, or when it is due. */
async function end({ scimTokens, outbox, clock }: TokenDeps, tx: Tx, token: ScimToken, author: Author): Promise<void> {
  const now = new Date(clock.nowMs());
  const { tokenId, expiresAt } = token;
  if (expiresAt === null || expiresAt <= now) await scimTokens.deleteToken(tx, tokenId);
  else await scimTokens.setExpiry(tx, tokenId, expiresAt);
  await outbox.append(tx, ssoScimTokenRevoked, toTokenMessage(token, author, now));
}

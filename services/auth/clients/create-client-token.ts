import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createNetworkList } from "@lyss/kit/http/network-list.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import { hashKeySecret, isSecret } from "../key-secret.ts";
import { earlier } from "../model.ts";
import { ownSession, permissionsNow, type Session, type SessionId } from "../session-model.ts";
import { signAccessToken } from "../session-tokens.ts";
import { clientSecretPrefix, clientStatus, maxTokensPerClient } from "./client-model.ts";
import type { RecognisedClient } from "./client-store.ts";

export interface CreateClientTokenInput {
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Permissions by spaces; empty for all that the client holds. */
  readonly scope: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

export interface ClientToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** What the token permits, by spaces. */
  readonly scope: string;
}

/**
 * An access token for a client that shows its secret (RFC 6749, 4.4), good as long as a person's and no longer than its client.
 * There is no refresh token. Throws `client_refused`, the same for every reason, `scope_not_held` and `address_not_allowed`. A
 * repeat gives another token.
 */
export async function createClientToken(deps: AuthDeps, input: CreateClientTokenInput): Promise<ClientToken> {
  const { db, sessions, clients, clock, random } = deps;
  const now = new Date(clock.nowMs());
  const client = await recognise(deps, input, now);
  const { tenantId, clientId } = client;
  const scope = readScope(client, input.scope);
  const latest = new Date(now.getTime() + deps.accessTokenTtlMs);
  const expiresAt = earlier(latest, client.expiresAt) ?? latest;
  const session: Session = {
    ...{ ...ownSession, sessionId: random.id("ses") as SessionId, tenantId, userId: clientId, clientId, scope },
    ...{ methods: [], clientAddress: input.clientAddress, userAgent: "", createdAt: now, lastSeenAt: now, expiresAt },
    ...{ factorAt: null, provenAt: null, endedAt: null },
  };
  await db.transaction(async (tx) => {
    await sessions.insertSession(tx, session);
    await sessions.deleteOldestTokens(tx, clientId, maxTokensPerClient);
    await clients.noteUsed(tx, clientId, now);
  });
  const permissions = permissionsNow(client, scope);
  const { accessToken, expiresAtMs } = await signAccessToken(deps, { session, role: "", permissions });
  const expiresInSeconds = Math.max(0, Math.floor((expiresAtMs - now.getTime()) / 1_000));
  return { accessToken, expiresInSeconds, scope: permissions.join(" ") };
}

/** The client of a secret that is good now. */
async function recognise(
  { clients, clientPepper }: Pick<AuthDeps, "clients" | "clientPepper">,
  { clientId, clientSecret, clientAddress }: CreateClientTokenInput,
  now: Date,
): Promise<RecognisedClient> {
  const text = clientSecret.reveal();
  const found = isSecret(text, clientSecretPrefix)
    ? await clients.findBySecretHash(hashKeySecret(clientPepper, text))
    : undefined;
  const isGood =
    found?.clientId === clientId &&
    clientStatus(found, now.getTime()) === "active" &&
    (found.secretExpiresAt === null || found.secretExpiresAt > now) &&
    !found.isBarred;
  if (!found || !isGood) throw new Failure(authFailures.client_refused);
  const { allowedIps } = found;
  if (allowedIps.length > 0 && !createNetworkList(allowedIps)(clientAddress)) {
    throw new Failure(authFailures.address_not_allowed, { address: clientAddress });
  }
  return found;
}

/** Null for all. Each one that is asked for is held by the client now. */
function readScope(client: RecognisedClient, text: string): readonly string[] | null {
  const asked = [...new Set(text.split(" ").filter(Boolean))];
  if (asked.length === 0) return null;
  const held = permissionsNow(client, null);
  const missing = asked.find((permission) => !permits(held, permission));
  if (missing !== undefined) throw new Failure(authFailures.scope_not_held, { scope: missing.slice(0, 80) });
  return asked;
}

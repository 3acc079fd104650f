import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createNetworkList } from "@lyss/kit/http/network-list.ts";
import type { ClientProof } from "@lyss/kit/oauth/client-authentication.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import { hashKeySecret, isSecret } from "../key-secret.ts";
import { earlier } from "../model.ts";
import { ownSession, permissionsNow, type Session, type SessionId } from "../session-model.ts";
import { signAccessToken } from "../session-tokens.ts";
import { type ClientAssertion, readClientAssertion } from "./client-assertion.ts";
import { clientSecretPrefix, clientStatus, maxTokensPerClient } from "./client-model.ts";
import type { RecognisedClient } from "./client-store.ts";

export interface CreateClientTokenInput {
  readonly clientId: string;
  readonly proof: ClientProof["proof"];
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
 * An access token for a client that shows its secret (RFC 6749, 4.4), or an assertion that counts once (RFC 7523), good as long as
 * a person's and no longer than its client.
 * There is no refresh token. Throws `client_refused`, the same for every reason, `scope_not_held`, `address_not_allowed` and `client_keys_unavailable`. A
 * repeat gives another token.
 */
export async function createClientToken(deps: AuthDeps, input: CreateClientTokenInput): Promise<ClientToken> {
  const { db, sessions, clients, clock, random } = deps;
  const now = new Date(clock.nowMs());
  const { client, assertion } = await recognise(deps, input, now);
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
    if (assertion && !(await clients.insertAssertion(tx, { clientId, ...assertion }))) {
      throw new Failure(authFailures.client_refused);
    }
    await sessions.insertSession(tx, session);
    await sessions.deleteOldestTokens(tx, clientId, maxTokensPerClient);
    await clients.noteUsed(tx, clientId, now);
  });
  const permissions = permissionsNow(client, scope);
  const { accessToken, expiresAtMs } = await signAccessToken(deps, { session, role: "", permissions });
  const expiresInSeconds = Math.max(0, Math.floor((expiresAtMs - now.getTime()) / 1_000));
  return { accessToken, expiresInSeconds, scope: permissions.join(" ") };
}

interface Recognised {
  readonly client: RecognisedClient;
  /** What it signed; undefined where it showed a secret. */
  readonly assertion: ClientAssertion | undefined;
}

/** The client of a proof that is good now. */
async function recognise(
  deps: AuthDeps,
  { clientId, proof, clientAddress }: CreateClientTokenInput,
  now: Date,
): Promise<Recognised> {
  const client =
    proof.kind === "secret" ? await findBySecret(deps, proof.secret) : await deps.clients.findSigning(clientId);
  const isGood =
    client?.clientId === clientId &&
    clientStatus(client, now.getTime()) === "active" &&
    (client.secretExpiresAt === null || client.secretExpiresAt > now) &&
    !client.isBarred;
  if (!client || !isGood) throw new Failure(authFailures.client_refused);
  const assertion =
    proof.kind === "assertion" ? await readClientAssertion(deps, client, proof.assertion.reveal()) : undefined;
  const { allowedIps } = client;
  if (allowedIps.length > 0 && !createNetworkList(allowedIps)(clientAddress)) {
    throw new Failure(authFailures.address_not_allowed, { address: clientAddress });
  }
  return { client, assertion };
}

async function findBySecret(
  { clients, clientPepper }: Pick<AuthDeps, "clients" | "clientPepper">,
  secret: Secret,
): Promise<RecognisedClient | undefined> {
  const text = secret.reveal();
  if (!isSecret(text, clientSecretPrefix)) return undefined;
  return clients.findBySecretHash(hashKeySecret(clientPepper, text));
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

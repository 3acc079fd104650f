import { isDeepStrictEqual } from "node:util";
import { serviceClientUpdated } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import type { Grantor } from "../model.ts";
import { requireHeld, requireTerm } from "../require-held.ts";
import { type ClientKeysInput, readClientKeys } from "./client-jwks.ts";
import { sayClientChanged, toClientUpdated } from "./client-messages.ts";
import type { ServiceClient } from "./client-model.ts";
import { type ClientReference, lockClient, requireNoClient } from "./client-reference.ts";

/** What is left out stays as it is. */
export interface ClientChanges {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly permissions?: readonly string[] | undefined;
  /** Empty for all that the grantor may use. */
  readonly models?: readonly string[] | undefined;
  readonly allowedIps?: readonly string[] | undefined;
  readonly expiresAt?: Date | null | undefined;
  readonly isDisabled?: boolean | undefined;
  /** Instead of those before, or of its secrets. */
  readonly keys?: ClientKeysInput | undefined;
}

export interface UpdateServiceClientInput extends ClientReference {
  readonly changes: ClientChanges;
  readonly grantor: Grantor;
  readonly clientAddress: string;
}

/** By their names in the API. */
const fields = {
  name: ({ name }: ServiceClient) => name,
  description: ({ description }: ServiceClient) => description,
  permissions: ({ permissions }: ServiceClient) => permissions,
  models: ({ models }: ServiceClient) => models,
  allowed_ips: ({ allowedIps }: ServiceClient) => allowedIps,
  expires_at: ({ expiresAt }: ServiceClient) => expiresAt,
  disabled: ({ disabledAt }: ServiceClient) => disabledAt !== null,
  jwks: ({ jwks }: ServiceClient) => jwks,
  jwks_uri: ({ jwksUri }: ServiceClient) => jwksUri,
  granted_by: ({ grantedBy }: ServiceClient) => grantedBy,
} as const;

/**
 * Changes what is given, for tokens under way, too. Who gives permissions or models answers for all of them from now on. What
 * lets it do more is changed by who holds all that it holds. Throws what `createServiceClient` throws, and `client_not_found`. A
 * repeat is safe and says nothing new.
 */
export async function updateServiceClient(deps: AuthDeps, input: UpdateServiceClientInput): Promise<ServiceClient> {
  const { db, clients, outbox, clock } = deps;
  const { changes, grantor, clientAddress, tenantId } = input;
  requireNoClient(grantor);
  const updatedAt = new Date(clock.nowMs());
  const keys = changes.keys && { ...readClientKeys(deps, changes.keys), prefix: "" };
  return db.transaction(async (tx) => {
    const before = await lockClient(deps, tx, input);
    const wanted = { ...applyChanges(before, input, updatedAt), ...keys };
    const changed = Object.entries(fields).flatMap(([name, read]) =>
      isDeepStrictEqual(read(before), read(wanted)) ? [] : [name],
    );
    if (changed.length === 0) return before;
    const isWidened = changed.some((name) => name !== "name" && name !== "description") && changes.isDisabled !== true;
    if (isWidened) {
      requireHeld(grantor, wanted);
      const term = changed.includes("expires_at") ? wanted.expiresAt : before.expiresAt;
      await requireTerm(deps, { tenantId, grantor, wanted: term });
    }
    if (changed.includes("expires_at") && wanted.expiresAt && wanted.expiresAt <= updatedAt) {
      throw new Failure(authFailures.expiry_in_past);
    }
    const client = { ...wanted, updatedAt };
    await clients.updateClient(tx, client);
    if (keys) await clients.deleteSecrets(tx, client.clientId);
    const author = { userId: grantor.userId, clientAddress };
    await outbox.append(tx, serviceClientUpdated, toClientUpdated(client, changed, author));
    await sayClientChanged(deps, tx, client);
    return client;
  });
}

function applyChanges(before: ServiceClient, { changes, grantor }: UpdateServiceClientInput, now: Date): ServiceClient {
  const { name, description, permissions, models, allowedIps, expiresAt, isDisabled } = changes;
  const isGiven = permissions !== undefined || models !== undefined;
  return {
    ...before,
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(permissions && { permissions }),
    ...(models && { models: models.length > 0 ? models : grantor.models }),
    ...(allowedIps && { allowedIps }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(isDisabled !== undefined && { disabledAt: isDisabled ? (before.disabledAt ?? now) : null }),
    ...(isGiven && { grantedBy: grantor.userId }),
  };
}

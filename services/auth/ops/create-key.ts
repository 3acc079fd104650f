import { keyCreated } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { type KeyLimits, unlimited } from "../key-limits.ts";
import { generateKeySecret, hashKeySecret, prefixOf } from "../key-secret.ts";
import { toKeyCreated } from "../messages.ts";
import { defaultKeyPermissions, type Grantor, type Key, type KeyId } from "../model.ts";
import { requireHeld, requireTerm } from "../require-held.ts";

export interface CreateKeyInput {
  readonly tenantId: string;
  /** The person the key acts for. */
  readonly userId: string;
  readonly name: string;
  /** None when left out. */
  readonly description?: string | undefined;
  /** Empty for the usual ones: calling and listing models, reading the bill. */
  readonly permissions: readonly string[];
  /** Empty for all that the grantor may use. */
  readonly models: readonly string[];
  readonly expiresAt: Date | null;
  /** None when left out. */
  readonly limits?: KeyLimits | undefined;
  readonly grantor: Grantor;
  /** Where the grantor's connection came from, when that is known. */
  readonly clientAddress?: string | undefined;
}

/** A key and its secret, which is shown this once. */
export interface KeyWithSecret {
  readonly key: Key;
  readonly secret: Secret;
}

/**
 * Creates an API key. Throws `permission_not_held`, `model_not_held`, `expiry_not_held` or `key_limited` when it would have
 * more than its grantor, and `expiry_in_past`. A repeat creates another key, unless it comes with the same idempotency key.
 */
export async function createKey(deps: AuthDeps, input: CreateKeyInput): Promise<KeyWithSecret> {
  const { idempotency, store, outbox, clock, random, pepper } = deps;
  const { tenantId, userId, name, description = "", limits = unlimited, grantor, clientAddress = "" } = input;
  const permissions = input.permissions.length > 0 ? input.permissions : defaultKeyPermissions;
  const models = input.models.length > 0 ? input.models : grantor.models;
  requireHeld(grantor, { permissions, models });
  const createdAt = new Date(clock.nowMs());
  const expiresAt = await requireTerm(deps, { tenantId, grantor, wanted: input.expiresAt });
  if (expiresAt && expiresAt <= createdAt) throw new Failure(authFailures.expiry_in_past);

  const secret = generateKeySecret(random);
  const created: Key = {
    keyId: random.id("key") as KeyId,
    tenantId,
    userId,
    name,
    description,
    prefix: prefixOf(secret),
    permissions,
    models,
    limits,
    createdAt,
    updatedAt: createdAt,
    createdBy: grantor.userId,
    expiresAt,
    lastUsedAt: null,
    revokedAt: null,
  };
  const { keyId } = created;
  const asked = { ...input, description, limits, grantor: { userId: grantor.userId, permissions, models } };
  const request = { operation: "createKey", scope: tenantId, input: asked };
  const answer = await idempotency.run(request, async (tx) => {
    await store.insertKey(tx, created);
    await store.insertKeySecret(tx, { keyId, secretHash: hashKeySecret(pepper, secret), createdAt });
    await outbox.append(tx, keyCreated, toKeyCreated(created, clientAddress));
    return { key: created, secret };
  });
  return { key: answer.key, secret: new Secret(answer.secret) };
}

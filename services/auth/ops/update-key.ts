import { isDeepStrictEqual } from "node:util";
import { keyUpdated } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import type { KeyLimits } from "../key-limits.ts";
import { toKeyUpdated } from "../messages.ts";
import { defaultKeyPermissions, type Grantor, type Key, keyStatus, manageKeysPermission } from "../model.ts";
import { requireHeld, requireTerm } from "../require-held.ts";
import type { KeyReference } from "./get-key.ts";

/** What is left out stays as it is. */
export interface KeyChanges {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** Empty for the usual ones. */
  readonly permissions?: readonly string[] | undefined;
  /** Empty for all that the grantor may use. */
  readonly models?: readonly string[] | undefined;
  readonly expiresAt?: Date | null | undefined;
  readonly limits?: Partial<KeyLimits> | undefined;
}

export interface UpdateKeyInput extends KeyReference {
  readonly changes: KeyChanges;
  readonly grantor: Grantor;
  /** Where the grantor's connection came from, when that is known. */
  readonly clientAddress?: string | undefined;
}

/** Of what a key may, each by its name in the API. The rest only says what the key is for. */
const restrictions = {
  permissions: ({ permissions }: Key) => permissions,
  models: ({ models }: Key) => models,
  expires_at: ({ expiresAt }: Key) => expiresAt,
  requests_per_minute: ({ limits }: Key) => limits.requestsPerMinute,
  max_concurrent_requests: ({ limits }: Key) => limits.maxConcurrentRequests,
  tokens_per_minute: ({ limits }: Key) => limits.tokensPerMinute,
  budget: ({ limits }: Key) => limits.budget,
  allowed_ips: ({ limits }: Key) => limits.allowedIps,
  allowed_origins: ({ limits }: Key) => limits.allowedOrigins,
} as const;

/**
 * Changes what is given, on every node. Throws `key_not_found`, `key_inactive`, `restriction_not_yours` where somebody changes
 * what a key may who neither made it nor manages keys, and what `createKey` throws. A repeat is safe and says nothing new.
 */
export async function updateKey(deps: AuthDeps, input: UpdateKeyInput): Promise<Key> {
  const { db, store, outbox, clock } = deps;
  const { tenantId, keyId, userId, changes, grantor, clientAddress = "" } = input;
  const updatedAt = new Date(clock.nowMs());
  return db.transaction(async (tx) => {
    const before = await store.lockKey(tx, tenantId, keyId, userId);
    if (!before) throw new Failure(authFailures.key_not_found);
    if (keyStatus(before, updatedAt.getTime()) !== "active") throw new Failure(authFailures.key_inactive);
    const wanted = applyChanges(before, changes, grantor);
    const changed = listChanged(before, wanted);
    if (changed.length === 0) return before;
    const [restriction] = changed.filter((field) => field in restrictions);
    if (restriction !== undefined) requireMay(before, grantor, restriction);
    const expiresAt = restriction === undefined ? wanted.expiresAt : await requireChange(deps, wanted, changed, input);
    const key = { ...wanted, expiresAt, updatedAt };
    await store.updateKey(tx, key);
    const author = { userId: grantor.userId, clientAddress };
    await outbox.append(tx, keyUpdated, toKeyUpdated(before, key, changed, author));
    return key;
  });
}

function applyChanges(before: Key, changes: KeyChanges, grantor: Grantor): Key {
  const { name, description, permissions, models, expiresAt, limits } = changes;
  return {
    ...before,
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(permissions && { permissions: permissions.length > 0 ? permissions : defaultKeyPermissions }),
    ...(models && { models: models.length > 0 ? models : grantor.models }),
    ...(expiresAt !== undefined && { expiresAt }),
    limits: { ...before.limits, ...limits },
  };
}

/** Names of the fields that differ, as the API has them. */
function listChanged(before: Key, after: Key): readonly string[] {
  const named = (["name", "description"] as const).filter((field) => before[field] !== after[field]);
  const restricted = Object.entries(restrictions).filter(([, read]) => !isDeepStrictEqual(read(before), read(after)));
  return [...named, ...restricted.map(([field]) => field)];
}

/** A key does not loosen itself, nor does who was given it with limits. */
function requireMay({ keyId, createdBy }: Key, { userId, keyId: byKeyId, permissions }: Grantor, field: string): void {
  const isManager = permits(permissions, manageKeysPermission) || (userId !== "" && userId === createdBy);
  if (!isManager || byKeyId === keyId) throw new Failure(authFailures.restriction_not_yours, { field });
}

/** Keeps what is changed from being more than the grantor holds. Gives the key's expiry. */
async function requireChange(
  deps: AuthDeps,
  wanted: Key,
  changed: readonly string[],
  { tenantId, grantor }: UpdateKeyInput,
): Promise<Date | null> {
  requireHeld(grantor, {
    permissions: changed.includes("permissions") ? wanted.permissions : [],
    models: changed.includes("models") ? wanted.models : grantor.models,
  });
  const isMoved = changed.includes("expires_at");
  const expiresAt = await requireTerm(deps, { tenantId, grantor, wanted: isMoved ? wanted.expiresAt : null });
  if (!isMoved) return wanted.expiresAt;
  if (expiresAt && expiresAt.getTime() <= deps.clock.nowMs()) throw new Failure(authFailures.expiry_in_past);
  return expiresAt;
}

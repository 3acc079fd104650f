import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { permissionsByGroups } from "./access-store.ts";
import type { KeyLimits } from "./key-limits.ts";
import { limitsThatHold } from "./limits/limit-store.ts";
import type { HeldLimit } from "./limits/subject-limits.ts";
import type { Key, KeyId, KeyStatus } from "./model.ts";
import { permissionsByTenantRole } from "./roles/role-store.ts";

export interface StoredSigningKey {
  readonly kid: string;
  /** JWK member `x`. */
  readonly publicKey: string;
  readonly sealedPrivateKey: Buffer;
  readonly createdAt: Date;
  readonly signsFrom: Date;
}

export interface KeySecret {
  readonly keyId: KeyId;
  readonly secretHash: Buffer;
  readonly createdAt: Date;
}

/** A key as it is recognised by one of its secrets. */
export type RecognisedKey = Key & {
  readonly secretExpiresAt: Date | null;
  /** The role of the person it acts for; null when auth was never told of one. */
  readonly role: string | null;
  /** What the tenant has given that role; null for a built-in one, and for one that there is not. */
  readonly rolePermissions: readonly string[] | null;
  /** What the groups that the person is in give. */
  readonly groupPermissions: readonly string[];
  /** What holds that person beside the key's limits: the person's own limits, and those of the person's groups. */
  readonly heldLimits: readonly HeldLimit[];
  /** Whether that person or the tenant is barred. */
  readonly isBarred: boolean;
};

/** What stands for a key for a while, as it is made. */
export interface NewEphemeralKey {
  readonly ephemeralKeyId: string;
  readonly secretHash: Buffer;
  readonly keyId: KeyId;
  readonly permissions: readonly string[];
  readonly models: readonly string[];
  readonly createdAt: Date;
  /** Until when something may be begun with it. */
  readonly expiresAt: Date;
}

/** A key as it is recognised by what stands for it; `secretExpiresAt` is when that ends for good. */
export type RecognisedEphemeralKey = RecognisedKey & {
  readonly ephemeralKeyId: string;
  readonly ephemeralPermissions: readonly string[];
  readonly ephemeralModels: readonly string[];
  readonly beginsUntil: Date;
};

/** The key that a stored hash belongs to. */
export type HashedKey = Pick<Key, "keyId" | "tenantId"> &
  Pick<KeySecret, "secretHash"> & {
    readonly secretExpiresAt: Date | null;
  };

/** What may be changed of a key. */
export type KeyChange = Pick<
  Key,
  "keyId" | "name" | "description" | "permissions" | "models" | "limits" | "expiresAt" | "updatedAt"
>;

export interface KeyListQuery {
  readonly tenantId: string;
  /** Undefined for the whole tenant. */
  readonly userId: string | undefined;
  readonly status: KeyStatus | undefined;
  /** In lower case. */
  readonly namePrefix: string | undefined;
  /** By which it is told what has expired. */
  readonly now: Date;
  readonly afterId: string | undefined;
  readonly limit: number;
}

/** The SQL of keys and tokens. One method, one statement. */
export function createAuthStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    key.key_id as "keyId", key.tenant_id as "tenantId", key.user_id as "userId", name, description, prefix, key.permissions,
    key.models, limits, key.created_at as "createdAt", updated_at as "updatedAt", created_by as "createdBy", key.expires_at as "expiresAt",
    last_used_at as "lastUsedAt", revoked_at as "revokedAt"`;
  /** Besides the key, what its person and tenant hold now. */
  const recognised = sql`
    ${columns(sql)}, person.role,
    ${permissionsByTenantRole(sql, { tenantId: sql`key.tenant_id`, role: sql`person.role` })} as "rolePermissions",
    ${permissionsByGroups(sql, { tenantId: sql`key.tenant_id`, userId: sql`key.user_id` })} as "groupPermissions",
    ${limitsThatHold(sql, { tenantId: sql`key.tenant_id`, userId: sql`key.user_id` })} as "heldLimits",
    coalesce(person.is_barred, false) or coalesce(tenant.is_barred, false) as "isBarred"`;
  const withHolders = sql`
    left join principal person on person.tenant_id = key.tenant_id and person.user_id = key.user_id
    left join principal tenant on tenant.tenant_id = key.tenant_id and tenant.user_id = ''`;

  return {
    /** Lets one node at a time decide whether a first signing key is needed. Released with the transaction. */
    async lockSigningKeys(tx: Tx): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('auth'), hashtext('signing_key'))`;
    },

    listSigningKeys(tx: Tx): Promise<StoredSigningKey[]> {
      return tx<StoredSigningKey[]>`
        select kid, public_key as "publicKey", sealed_private_key as "sealedPrivateKey", created_at as "createdAt",
          signs_from as "signsFrom"
        from signing_key order by signs_from desc, kid desc`;
    },

    async insertSigningKey(tx: Tx, row: StoredSigningKey): Promise<void> {
      await tx`
        insert into signing_key (kid, public_key, sealed_private_key, created_at, signs_from)
        values (${row.kid}, ${row.publicKey}, ${row.sealedPrivateKey}, ${row.createdAt}, ${row.signsFrom})`;
    },

    async deleteSigningKeys(tx: Tx, kids: readonly string[]): Promise<void> {
      await tx`delete from signing_key where kid in ${tx(kids)}`;
    },

    async insertKey(tx: Tx, row: Key): Promise<void> {
      await tx`
        insert into key (key_id, tenant_id, user_id, name, description, prefix, permissions, models, limits, created_at,
          updated_at, created_by, expires_at)
        values (${row.keyId}, ${row.tenantId}, ${row.userId}, ${row.name}, ${row.description}, ${row.prefix},
          ${tx.json([...row.permissions])}, ${tx.json([...row.models])}, ${tx.json(toJson(row.limits))}, ${row.createdAt},
          ${row.updatedAt}, ${row.createdBy}, ${row.expiresAt})`;
    },

    async updateKey(tx: Tx, row: KeyChange): Promise<void> {
      await tx`
        update key set name = ${row.name}, description = ${row.description},
          permissions = ${tx.json([...row.permissions])}, models = ${tx.json([...row.models])},
          limits = ${tx.json(toJson(row.limits))}, expires_at = ${row.expiresAt}, updated_at = ${row.updatedAt}
        where key_id = ${row.keyId}`;
    },

    async insertKeySecret(tx: Tx, row: KeySecret): Promise<void> {
      await tx`
        insert into key_secret (secret_hash, key_id, created_at)
        values (${row.secretHash}, ${row.keyId}, ${row.createdAt})`;
    },

    /** Locked until the transaction ends. `userId` undefined for a key of anyone in the tenant. */
    async lockKey(tx: Tx, tenantId: string, keyId: string, userId: string | undefined): Promise<Key | undefined> {
      const [row] = await tx<Key[]>`
        select ${columns(tx)} from key
        where key_id = ${keyId} and tenant_id = ${tenantId}
          and (${userId ?? null}::text is null or user_id = ${userId ?? null}) for update`;
      return row;
    },

    async findKey(tenantId: string, keyId: string, userId: string | undefined): Promise<Key | undefined> {
      const [row] = await sql<Key[]>`
        select ${columns(sql)} from key
        where key_id = ${keyId} and tenant_id = ${tenantId}
          and (${userId ?? null}::text is null or user_id = ${userId ?? null})`;
      return row;
    },

    /** Newest first, those after `afterId`. */
    listKeys({ tenantId, userId, status, namePrefix, now, afterId, limit }: KeyListQuery): Promise<Key[]> {
      return sql<Key[]>`
        select ${columns(sql)} from key
        where tenant_id = ${tenantId}
          and (${userId ?? null}::text is null or user_id = ${userId ?? null})
          and (${afterId ?? null}::text is null or key_id < ${afterId ?? null})
          and (${namePrefix ?? null}::text is null or starts_with(lower(name), ${namePrefix ?? null}))
          and (${status ?? null}::text is null or ${status ?? null} = case
            when revoked_at is not null then 'revoked' when expires_at <= ${now} then 'expired' else 'active' end)
        order by key_id desc limit ${limit}`;
    },

    /** Of all tenants. */
    async countActiveKeys(now: Date): Promise<number> {
      const [row] = await sql<{ keys: number }[]>`
        select count(*)::float8 as keys from key
        where revoked_at is null and (expires_at is null or expires_at > ${now})`;
      return row?.keys ?? 0;
    },

    async findKeyBySecretHash(secretHash: Buffer): Promise<RecognisedKey | undefined> {
      const [row] = await sql<RecognisedKey[]>`
        select ${recognised}, key_secret.expires_at as "secretExpiresAt"
        from key_secret join key using (key_id) ${withHolders}
        where secret_hash = ${secretHash}`;
      return row;
    },

    async insertEphemeralKey(tx: Tx, row: NewEphemeralKey): Promise<void> {
      await tx`
        insert into ephemeral_key (ephemeral_key_id, secret_hash, key_id, permissions, models, created_at, expires_at)
        values (${row.ephemeralKeyId}, ${row.secretHash}, ${row.keyId}, ${tx.json([...row.permissions])},
          ${tx.json([...row.models])}, ${row.createdAt}, ${row.expiresAt})`;
    },

    async findKeyByEphemeralHash(secretHash: Buffer): Promise<RecognisedEphemeralKey | undefined> {
      const [row] = await sql<RecognisedEphemeralKey[]>`
        select ${recognised}, ephemeral_key.ends_at as "secretExpiresAt", ephemeral_key_id as "ephemeralKeyId",
          ephemeral_key.permissions as "ephemeralPermissions", ephemeral_key.models as "ephemeralModels",
          ephemeral_key.expires_at as "beginsUntil"
        from ephemeral_key join key using (key_id) ${withHolders}
        where secret_hash = ${secretHash}`;
      return row;
    },

    /** Whatever stands for the key ends then, too, where it has not ended before. */
    async endEphemeralKeys(tx: Tx, keyId: KeyId, endsAt: Date): Promise<void> {
      await tx`
        update ephemeral_key set ends_at = least(coalesce(ends_at, ${endsAt}), ${endsAt}) where key_id = ${keyId}`;
    },

    /** Those that are known, revoked and expired ones included. */
    listKeysBySecretHash(secretHashes: readonly Buffer[]): Promise<HashedKey[]> {
      return sql<HashedKey[]>`
        select key_id as "keyId", tenant_id as "tenantId", secret_hash as "secretHash",
          key_secret.expires_at as "secretExpiresAt"
        from key_secret join key using (key_id) where secret_hash in ${sql(secretHashes)}`;
    },

    /** A person's keys that are not revoked, locked until the transaction ends. */
    lockOpenKeys(tx: Tx, { tenantId, userId }: { readonly tenantId: string; readonly userId: string }): Promise<Key[]> {
      return tx<Key[]>`
        select ${columns(tx)} from key where tenant_id = ${tenantId} and user_id = ${userId} and revoked_at is null
        order by key_id for update`;
    },

    async forgetKeyNames(
      tx: Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
    ): Promise<void> {
      await tx`update key set name = 'erased', description = '' where tenant_id = ${tenantId} and user_id = ${userId}`;
    },

    async revokeKey(tx: Tx, keyId: KeyId, revokedAt: Date): Promise<void> {
      await tx`update key set revoked_at = ${revokedAt} where key_id = ${keyId}`;
    },

    async updatePrefix(tx: Tx, keyId: KeyId, prefix: string): Promise<void> {
      await tx`update key set prefix = ${prefix} where key_id = ${keyId}`;
    },

    /** Removes the secrets that were to expire anyway. */
    async deleteExpiringSecrets(tx: Tx, keyId: KeyId): Promise<void> {
      await tx`delete from key_secret where key_id = ${keyId} and expires_at is not null`;
    },

    async expireSecrets(tx: Tx, keyId: KeyId, expiresAt: Date): Promise<void> {
      await tx`update key_secret set expires_at = ${expiresAt} where key_id = ${keyId}`;
    },

    /** `usedAtMs` by key id. A time earlier than the one known is ignored. */
    async updateLastUsed(tx: Tx, usedAtMs: ReadonlyMap<string, number>): Promise<void> {
      const rows = [...usedAtMs].map(([keyId, ms]) => ({ keyId, ms }));
      // Locked in one order, so that two nodes that flush the same keys never wait for each other in a circle.
      await tx`
        with used as (
          select key_id, ms from key
          join jsonb_to_recordset(${tx.json(rows)}) as noted("keyId" text, ms double precision) on key_id = "keyId"
          order by key_id for update of key
        )
        update key set last_used_at = greatest(last_used_at, to_timestamp(used.ms / 1000.0))
        from used where key.key_id = used.key_id`;
    },
  };
}

/** Plain data, each list a copy of its own. */
function toJson({ budget, allowedIps, allowedOrigins, ...counts }: KeyLimits) {
  const lists = { allowedIps: [...allowedIps], allowedOrigins: [...allowedOrigins] };
  return { ...counts, budget: budget && { ...budget }, ...lists };
}

export type AuthStore = ReturnType<typeof createAuthStore>;

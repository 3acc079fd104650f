import type { WrappedKey } from "@lyss/kit/crypto/keyring.ts";
import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Credential, CredentialId } from "./model.ts";

/** A tenant's data key as it is stored. */
export interface StoredDataKey extends WrappedKey {
  readonly dataKeyId: string;
  readonly tenantId: string;
}

/** A credential with its sealed secret; null once it is revoked. */
export type SealedCredential = Credential & { readonly envelope: Buffer | null };

/** The SQL of provider secrets. One method, one statement. */
export function createCredentialStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    credential_id as "credentialId", tenant_id as "tenantId", name, version, fingerprint, last_four as "lastFour",
    allowed_origins as "allowedOrigins", created_at as "createdAt", updated_at as "updatedAt",
    revoked_at as "revokedAt"`;
  /** Which data key an envelope names. */
  const sealedBy = sql`convert_from(substring(envelope from 3 for get_byte(envelope, 1)), 'UTF8')`;
  const sealedByRetired = sql`envelope is not null and get_byte(envelope, 0) = 1
    and ${sealedBy} in (select data_key_id from data_key where retired_at is not null)`;
  const dataKeyColumns = sql`
    data_key_id as "dataKeyId", tenant_id as "tenantId", wrapping_key_id as "wrappingKeyId", wrapped`;

  return {
    /** Lets one transaction at a time decide who bears the name. Released with the transaction. */
    async lockName(tx: Tx, tenantId: string, name: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext(${tenantId}), hashtext(${name}))`;
    },

    async insertCredential(tx: Tx, row: SealedCredential): Promise<void> {
      await tx`
        insert into credential (credential_id, tenant_id, name, version, fingerprint, last_four, allowed_origins,
          envelope, created_at, updated_at)
        values (${row.credentialId}, ${row.tenantId}, ${row.name}, ${row.version}, ${row.fingerprint},
          ${row.lastFour}, ${tx.json([...row.allowedOrigins])}, ${row.envelope}, ${row.createdAt}, ${row.updatedAt})`;
    },

    /** The tenant's live credential of that name, locked until the transaction ends. */
    async lockCredentialByName(tx: Tx, tenantId: string, name: string): Promise<Credential | undefined> {
      const [row] = await tx<Credential[]>`
        select ${columns(tx)} from credential
        where tenant_id = ${tenantId} and name = ${name} and revoked_at is null for update`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockCredential(tx: Tx, tenantId: string, credentialId: string): Promise<Credential | undefined> {
      const [row] = await tx<Credential[]>`
        select ${columns(tx)} from credential
        where credential_id = ${credentialId} and tenant_id = ${tenantId} for update`;
      return row;
    },

    async updateCredential(tx: Tx, row: SealedCredential): Promise<void> {
      await tx`
        update credential set version = ${row.version}, fingerprint = ${row.fingerprint}, last_four = ${row.lastFour},
          allowed_origins = ${tx.json([...row.allowedOrigins])}, envelope = ${row.envelope}, updated_at = ${row.updatedAt}
        where credential_id = ${row.credentialId}`;
    },

    async destroyEnvelope(tx: Tx, credentialId: CredentialId, revokedAt: Date): Promise<void> {
      await tx`
        update credential set envelope = null, revoked_at = ${revokedAt}, updated_at = ${revokedAt}
        where credential_id = ${credentialId}`;
    },

    /** Of any tenant: for revealing, where the caller is a service. */
    async findSealed(credentialId: string): Promise<SealedCredential | undefined> {
      const [row] = await sql<SealedCredential[]>`
        select ${columns(sql)}, envelope from credential where credential_id = ${credentialId}`;
      return row;
    },

    async findCredential(tenantId: string, credentialId: string): Promise<Credential | undefined> {
      const [row] = await sql<Credential[]>`
        select ${columns(sql)} from credential where credential_id = ${credentialId} and tenant_id = ${tenantId}`;
      return row;
    },

    /** Newest first, those after `afterId`. */
    listCredentials(tenantId: string, afterId: string | undefined, limit: number): Promise<Credential[]> {
      return sql<Credential[]>`
        select ${columns(sql)} from credential
        where tenant_id = ${tenantId} and (${afterId ?? null}::text is null or credential_id < ${afterId ?? null})
        order by credential_id desc limit ${limit}`;
    },

    /** Nothing is written when the tenant has a data key that is not retired. */
    async insertDataKey(tx: Tx, row: StoredDataKey, createdAt: Date): Promise<void> {
      await tx`
        insert into data_key (data_key_id, tenant_id, wrapping_key_id, wrapped, created_at)
        values (${row.dataKeyId}, ${row.tenantId}, ${row.wrappingKeyId}, ${row.wrapped}, ${createdAt})
        on conflict (tenant_id) where retired_at is null do nothing`;
    },

    async findDataKey(dataKeyId: string): Promise<StoredDataKey | undefined> {
      const [row] = await sql<StoredDataKey[]>`
        select ${dataKeyColumns} from data_key where data_key_id = ${dataKeyId}`;
      return row;
    },

    async findDataKeyOf(tenantId: string): Promise<StoredDataKey | undefined> {
      const [row] = await sql<StoredDataKey[]>`
        select ${dataKeyColumns} from data_key where tenant_id = ${tenantId} and retired_at is null`;
      return row;
    },

    /** Gives how many. */
    async retireDataKeys(tx: Tx, now: Date): Promise<number> {
      const { count } = await tx`update data_key set retired_at = ${now} where retired_at is null`;
      return count;
    },

    /** By their ids, after `afterId`. */
    listSealedByRetired(afterId: string, limit: number): Promise<SealedCredential[]> {
      return sql<SealedCredential[]>`
        select ${columns(sql)}, envelope from credential
        where credential_id > ${afterId} and ${sealedByRetired} order by credential_id limit ${limit}`;
    },

    /** Only where it still is `current`. */
    async replaceEnvelope(tx: Tx, credentialId: CredentialId, current: Buffer, next: Buffer): Promise<void> {
      await tx`update credential set envelope = ${next} where credential_id = ${credentialId} and envelope = ${current}`;
    },

    /** Those that were retired before and have sealed nothing that is there. */
    async destroyRetired(tx: Tx, before: Date): Promise<void> {
      await tx`
        delete from data_key where retired_at < ${before} and not exists (
          select from credential where envelope is not null and ${sealedBy} = data_key.data_key_id)`;
    },

    async countRetired(): Promise<{ retiredKeys: number; secretsLeft: number }> {
      const [row] = await sql<{ retiredKeys: number; secretsLeft: number }[]>`
        select (select count(*)::int from data_key where retired_at is not null) as "retiredKeys",
          (select count(*)::int from credential where ${sealedByRetired}) as "secretsLeft"`;
      return row ?? { retiredKeys: 0, secretsLeft: 0 };
    },
  };
}

export type CredentialStore = ReturnType<typeof createCredentialStore>;

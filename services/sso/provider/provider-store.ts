import type { Sql, Tx } from "@lyss/kit/db/database.ts";

/** Something that the provider keeps. */
export interface ItemRow {
  readonly model: string;
  readonly idHash: Buffer;
  readonly grantHash: Buffer | null;
  readonly uidHash: Buffer | null;
  /** Null while nobody has signed in. */
  readonly userId: string | null;
  readonly sealed: Buffer;
  readonly consumedAt: Date | null;
  readonly expiresAt: Date;
}

/** On which of our sessions a browser's session stands. */
export interface LoginRow {
  readonly uidHash: Buffer;
  readonly sessionId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly expiresAt: Date;
}

/** A key as it is stored. */
export interface StoredProviderKey {
  readonly kid: string;
  readonly sealedPrivateKey: Buffer;
  readonly createdAt: Date;
  readonly signsFrom: Date;
}

/** What a person lets a client know. */
export interface ConsentRow {
  readonly userId: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly givenAt: Date;
}

/** The SQL of the provider's state. One method, one statement. */
export function createProviderStore(sql: Sql) {
  const itemColumns = sql`
    model, id_hash as "idHash", grant_hash as "grantHash", uid_hash as "uidHash", user_id as "userId", sealed, consumed_at as "consumedAt",
    expires_at as "expiresAt"`;

  return {
    async upsertItem(row: ItemRow): Promise<void> {
      await sql`
        insert into provider_item (model, id_hash, grant_hash, uid_hash, user_id, sealed, expires_at)
        values (${row.model}, ${row.idHash}, ${row.grantHash}, ${row.uidHash}, ${row.userId}, ${row.sealed},
          ${row.expiresAt})
        on conflict (model, id_hash) do update set grant_hash = excluded.grant_hash, uid_hash = excluded.uid_hash,
          user_id = excluded.user_id, sealed = excluded.sealed, expires_at = excluded.expires_at`;
    },

    async findItem(model: string, idHash: Buffer, now: Date): Promise<ItemRow | undefined> {
      const [row] = await sql<ItemRow[]>`
        select ${itemColumns} from provider_item
        where model = ${model} and id_hash = ${idHash} and expires_at > ${now}`;
      return row;
    },

    async findItemByUid(model: string, uidHash: Buffer, now: Date): Promise<ItemRow | undefined> {
      const [row] = await sql<ItemRow[]>`
        select ${itemColumns} from provider_item
        where model = ${model} and uid_hash = ${uidHash} and expires_at > ${now}`;
      return row;
    },

    /** Of two that consume at once one gets true. */
    async consumeItem(model: string, idHash: Buffer, now: Date): Promise<boolean> {
      const { count } = await sql`
        update provider_item set consumed_at = ${now}
        where model = ${model} and id_hash = ${idHash} and consumed_at is null`;
      return count === 1;
    },

    async deleteItem(model: string, idHash: Buffer): Promise<void> {
      await sql`delete from provider_item where model = ${model} and id_hash = ${idHash}`;
    },

    /** The grant, and every code and token of it. */
    async deleteGrant(grantHash: Buffer): Promise<void> {
      await sql`
        delete from provider_item where grant_hash = ${grantHash} or (model = 'Grant' and id_hash = ${grantHash})`;
    },

    async upsertLogin(row: LoginRow): Promise<void> {
      await sql`
        insert into provider_login (uid_hash, session_id, tenant_id, user_id, expires_at)
        values (${row.uidHash}, ${row.sessionId}, ${row.tenantId}, ${row.userId}, ${row.expiresAt})
        on conflict (uid_hash) do update set session_id = excluded.session_id, tenant_id = excluded.tenant_id,
          user_id = excluded.user_id, expires_at = excluded.expires_at`;
    },

    async findLogin(uidHash: Buffer): Promise<LoginRow | undefined> {
      const [row] = await sql<LoginRow[]>`
        select uid_hash as "uidHash", session_id as "sessionId", tenant_id as "tenantId", user_id as "userId",
          expires_at as "expiresAt"
        from provider_login where uid_hash = ${uidHash}`;
      return row;
    },

    async findConsent(userId: string, clientId: string): Promise<ConsentRow | undefined> {
      const [row] = await sql<ConsentRow[]>`
        select user_id as "userId", client_id as "clientId", scopes, given_at as "givenAt"
        from consent where user_id = ${userId} and client_id = ${clientId}`;
      return row;
    },

    async upsertConsent(tx: Tx, row: ConsentRow): Promise<void> {
      await tx`
        insert into consent (user_id, client_id, scopes, given_at)
        values (${row.userId}, ${row.clientId}, ${[...row.scopes]}, ${row.givenAt})
        on conflict (user_id, client_id) do update set scopes = excluded.scopes, given_at = excluded.given_at`;
    },

    /** Lets one node at a time decide about keys. Released with the transaction. */
    async lockKeys(tx: Tx): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('sso.provider_key'))`;
    },

    /** The one that signs last first. */
    listKeys(tx: Tx): Promise<StoredProviderKey[]> {
      return tx<StoredProviderKey[]>`
        select kid, sealed_private_key as "sealedPrivateKey", created_at as "createdAt", signs_from as "signsFrom"
        from provider_key order by signs_from desc, kid desc`;
    },

    async insertKey(tx: Tx, row: StoredProviderKey): Promise<void> {
      await tx`
        insert into provider_key (kid, sealed_private_key, created_at, signs_from)
        values (${row.kid}, ${row.sealedPrivateKey}, ${row.createdAt}, ${row.signsFrom})`;
    },

    async deleteKeys(tx: Tx, kids: readonly string[]): Promise<void> {
      await tx`delete from provider_key where kid = any (${[...kids]})`;
    },
  };
}

export type ProviderStore = ReturnType<typeof createProviderStore>;

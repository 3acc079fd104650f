import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { ScimToken } from "./model.ts";

/** A token that was shown, with what it is known by. */
export type HashedToken = ScimToken & { readonly secretHash: Buffer };

/** The SQL of SCIM tokens. One method, one statement. */
export function createScimTokenStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    token_id as "tokenId", connection_id as "connectionId", tenant_id as "tenantId", prefix, created_by as "createdBy",
    created_at as "createdAt", last_used_at as "lastUsedAt", expires_at as "expiresAt"`;

  return {
    async insertToken(tx: Tx, row: HashedToken): Promise<void> {
      await tx`
        insert into scim_token (token_id, connection_id, tenant_id, secret_hash, prefix, created_by, created_at, expires_at)
        values (${row.tokenId}, ${row.connectionId}, ${row.tenantId}, ${row.secretHash}, ${row.prefix},
          ${row.createdBy}, ${row.createdAt}, ${row.expiresAt})`;
    },

    /** Newest first. */
    listTokens(connectionId: string): Promise<ScimToken[]> {
      return sql<ScimToken[]>`
        select ${columns(sql)} from scim_token where connection_id = ${connectionId} order by token_id desc`;
    },

    async countTokens(tx: Tx, connectionId: string): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from scim_token where connection_id = ${connectionId}`;
      return row?.count ?? 0;
    },

    /** Locked until the transaction ends. */
    async lockToken(tx: Tx, connectionId: string, tokenId: string): Promise<ScimToken | undefined> {
      const [row] = await tx<ScimToken[]>`
        select ${columns(tx)} from scim_token
        where token_id = ${tokenId} and connection_id = ${connectionId} for update`;
      return row;
    },

    async setExpiry(tx: Tx, tokenId: string, expiresAt: Date): Promise<void> {
      await tx`update scim_token set expires_at = ${expiresAt} where token_id = ${tokenId}`;
    },

    async deleteToken(tx: Tx, tokenId: string): Promise<void> {
      await tx`delete from scim_token where token_id = ${tokenId}`;
    },

    /** One that has not ended. */
    async findBySecret(secretHash: Buffer, now: Date): Promise<ScimToken | undefined> {
      const [row] = await sql<ScimToken[]>`
        select ${columns(sql)} from scim_token
        where secret_hash = ${secretHash} and (expires_at is null or expires_at > ${now})`;
      return row;
    },

    /** Noted when the last time was before `since`. */
    async noteUse(tokenId: string, now: Date, since: Date): Promise<void> {
      await sql`
        update scim_token set last_used_at = ${now}
        where token_id = ${tokenId} and (last_used_at is null or last_used_at < ${since})`;
    },
  };
}

export type ScimTokenStore = ReturnType<typeof createScimTokenStore>;

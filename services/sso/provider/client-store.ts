import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Client } from "./client-model.ts";

/** A client with the hash of its secret; null for a public one. */
export type StoredClient = Client & { readonly secretHash: Buffer | null };

/** The SQL of clients. One method, one statement. */
export function createClientStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    client_id as "clientId", tenant_id as "tenantId", name, secret_hash is not null as "isConfidential",
    redirect_uris as "redirectUris", post_logout_redirect_uris as "postLogoutRedirectUris", scopes,
    backchannel_logout_uri as "backchannelLogoutUri",
    backchannel_logout_session_required as "backchannelLogoutSessionRequired",
    version::float8 as version, created_at as "createdAt", updated_at as "updatedAt"`;

  return {
    /** Lets one transaction at a time decide what clients a tenant has. Released with the transaction. */
    async lockTenant(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('sso.client'), hashtext(${tenantId}))`;
    },

    async countClients(tx: Tx, tenantId: string): Promise<number> {
      const [row] = await tx<
        { count: number }[]
      >`select count(*)::int as count from client where tenant_id = ${tenantId}`;
      return row?.count ?? 0;
    },

    /** False when another client of the tenant has the name; nothing is written then. */
    async insertClient(tx: Tx, row: StoredClient): Promise<boolean> {
      const { count } = await tx`
        insert into client (client_id, tenant_id, name, secret_hash, redirect_uris, post_logout_redirect_uris, scopes,
          backchannel_logout_uri, backchannel_logout_session_required, version, created_at, updated_at)
        values (${row.clientId}, ${row.tenantId}, ${row.name}, ${row.secretHash}, ${[...row.redirectUris]},
          ${[...row.postLogoutRedirectUris]}, ${[...row.scopes]}, ${row.backchannelLogoutUri},
          ${row.backchannelLogoutSessionRequired}, ${row.version}, ${row.createdAt}, ${row.updatedAt})
        on conflict (tenant_id, name) where tenant_id <> '' do nothing`;
      return count === 1;
    },

    async updateClient(tx: Tx, row: StoredClient): Promise<void> {
      await tx`
        update client set name = ${row.name}, secret_hash = ${row.secretHash}, redirect_uris = ${[...row.redirectUris]},
          post_logout_redirect_uris = ${[...row.postLogoutRedirectUris]}, scopes = ${[...row.scopes]},
          backchannel_logout_uri = ${row.backchannelLogoutUri},
          backchannel_logout_session_required = ${row.backchannelLogoutSessionRequired},
          version = ${row.version}, updated_at = ${row.updatedAt}
        where client_id = ${row.clientId}`;
    },

    async deleteClient(tx: Tx, clientId: string): Promise<void> {
      await tx`delete from client where client_id = ${clientId}`;
    },

    async hasOtherOfName(tx: Tx, { tenantId, clientId, name }: Client): Promise<boolean> {
      const rows = await tx`
        select from client where tenant_id = ${tenantId} and name = ${name} and client_id <> ${clientId}`;
      return rows.length > 0;
    },

    /** Locked until the transaction ends. */
    async lockClient(tx: Tx, tenantId: string, clientId: string): Promise<StoredClient | undefined> {
      const [row] = await tx<StoredClient[]>`
        select ${columns(tx)}, secret_hash as "secretHash" from client
        where client_id = ${clientId} and tenant_id = ${tenantId} for update`;
      return row;
    },

    async findClient(tenantId: string, clientId: string): Promise<Client | undefined> {
      const [row] = await sql<Client[]>`
        select ${columns(sql)} from client where client_id = ${clientId} and tenant_id = ${tenantId}`;
      return row;
    },

    /** Of any tenant: for signing in, where nobody is known yet. */
    async findStored(clientId: string): Promise<StoredClient | undefined> {
      const [row] = await sql<StoredClient[]>`
        select ${columns(sql)}, secret_hash as "secretHash" from client where client_id = ${clientId}`;
      return row;
    },

    /** A person has let it in. */
    async noteLetIn(clientId: string, at: Date): Promise<void> {
      await sql`update client set let_in_at = ${at} where client_id = ${clientId}`;
    },

    /** Of those that have registered themselves: whom nobody has let in since `unusedSince`, or ever and registered before `neverSince`. */
    async deleteUnused({ unusedSince, neverSince }: { unusedSince: Date; neverSince: Date }): Promise<void> {
      await sql`
        delete from client where tenant_id = ''
          and (let_in_at < ${unusedSince} or (let_in_at is null and created_at < ${neverSince}))`;
    },

    async hasAny(): Promise<boolean> {
      const rows = await sql`select from client limit 1`;
      return rows.length > 0;
    },

    /** Newest first, those after `afterId`. */
    listClients(tenantId: string, afterId: string | undefined, limit: number): Promise<Client[]> {
      return sql<Client[]>`
        select ${columns(sql)} from client
        where tenant_id = ${tenantId} and (${afterId ?? null}::text is null or client_id < ${afterId ?? null})
        order by client_id desc limit ${limit}`;
    },
  };
}

export type ClientStore = ReturnType<typeof createClientStore>;

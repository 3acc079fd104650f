import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { permissionsByGroups } from "../access-store.ts";
import { permissionsByTenantRole } from "../roles/role-store.ts";
import type { ClientId, ClientStatus, ServiceClient } from "./client-model.ts";

/** A client as it is recognised by one of its secrets. */
export type RecognisedClient = ServiceClient & {
  readonly secretExpiresAt: Date | null;
  /** The role of who gave it its permissions; null when auth was never told of one. */
  readonly role: string | null;
  /** What the tenant has given that role; null for a built-in one, and for one that there is not. */
  readonly rolePermissions: readonly string[] | null;
  readonly groupPermissions: readonly string[];
  /** Whether that person or the tenant is barred. */
  readonly isBarred: boolean;
};

export interface ClientListQuery {
  readonly tenantId: string;
  readonly status: ClientStatus | undefined;
  /** In lower case. */
  readonly namePrefix: string | undefined;
  readonly now: Date;
  readonly afterId: string | undefined;
  readonly limit: number;
}

/** The SQL of service clients. One method, one statement. */
export function createClientStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    client.client_id as "clientId", client.tenant_id as "tenantId", name, description, prefix, client.permissions, models,
    allowed_ips as "allowedIps", client.created_at as "createdAt", created_by as "createdBy", updated_at as "updatedAt",
    granted_by as "grantedBy", client.expires_at as "expiresAt", disabled_at as "disabledAt", last_used_at as "lastUsedAt",
    jwks, jwks_uri as "jwksUri"`;
  const grants = (db: Sql | Tx) => db`
    person.role,
    ${permissionsByTenantRole(db, { tenantId: db`client.tenant_id`, role: db`person.role` })} as "rolePermissions",
    ${permissionsByGroups(db, { tenantId: db`client.tenant_id`, userId: db`client.granted_by` })} as "groupPermissions",
    coalesce(person.is_barred, false) or coalesce(tenant.is_barred, false) as "isBarred"`;
  const grantors = (db: Sql | Tx) => db`
    left join principal person on person.tenant_id = client.tenant_id and person.user_id = client.granted_by
    left join principal tenant on tenant.tenant_id = client.tenant_id and tenant.user_id = ''`;

  return {
    async insertClient(tx: Tx, row: ServiceClient): Promise<void> {
      await tx`
        insert into service_client (client_id, tenant_id, name, description, prefix, permissions, models, allowed_ips,
          created_at, created_by, updated_at, granted_by, expires_at, jwks, jwks_uri)
        values (${row.clientId}, ${row.tenantId}, ${row.name}, ${row.description}, ${row.prefix},
          ${row.permissions as string[]}, ${row.models as string[]}, ${row.allowedIps as string[]}, ${row.createdAt},
          ${row.createdBy}, ${row.updatedAt}, ${row.grantedBy}, ${row.expiresAt}, ${tx.json(row.jwks as never)},
          ${row.jwksUri})`;
    },

    async updateClient(tx: Tx, row: ServiceClient): Promise<void> {
      await tx`
        update service_client set name = ${row.name}, description = ${row.description},
          permissions = ${row.permissions as string[]}, models = ${row.models as string[]},
          allowed_ips = ${row.allowedIps as string[]}, updated_at = ${row.updatedAt}, granted_by = ${row.grantedBy},
          expires_at = ${row.expiresAt}, disabled_at = ${row.disabledAt}, prefix = ${row.prefix},
          jwks = ${tx.json(row.jwks as never)}, jwks_uri = ${row.jwksUri}
        where client_id = ${row.clientId}`;
    },

    /** Its secrets and tokens go with it. */
    async deleteClient(tx: Tx, clientId: ClientId): Promise<void> {
      await tx`delete from service_client where client_id = ${clientId}`;
    },

    /** Locked until the transaction ends. */
    async lockClient(tx: Tx, tenantId: string, clientId: string): Promise<ServiceClient | undefined> {
      const [row] = await tx<ServiceClient[]>`
        select ${columns(tx)} from service_client as client
        where client_id = ${clientId} and tenant_id = ${tenantId} for update`;
      return row;
    },

    async findClient(tenantId: string, clientId: string): Promise<ServiceClient | undefined> {
      const [row] = await sql<ServiceClient[]>`
        select ${columns(sql)} from service_client as client where client_id = ${clientId} and tenant_id = ${tenantId}`;
      return row;
    },

    /** Newest first, those after `afterId`. */
    listClients({ tenantId, status, namePrefix, now, afterId, limit }: ClientListQuery): Promise<ServiceClient[]> {
      return sql<ServiceClient[]>`
        select ${columns(sql)} from service_client as client
        where tenant_id = ${tenantId} and (${afterId ?? null}::text is null or client_id < ${afterId ?? null})
          and (${namePrefix ?? null}::text is null or starts_with(lower(name), ${namePrefix ?? null}))
          and (${status ?? null}::text is null or ${status ?? null} = case
            when disabled_at is not null then 'disabled' when expires_at <= ${now} then 'expired' else 'active' end)
        order by client_id desc limit ${limit}`;
    },

    async countClients(tx: Tx, tenantId: string): Promise<number> {
      const [row] = await tx<{ clients: number }[]>`
        select count(*)::float8 as clients from service_client where tenant_id = ${tenantId}`;
      return row?.clients ?? 0;
    },

    /** Those that hold what a person gave them. */
    listGrantedBy(
      tx: Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
    ): Promise<{ readonly clientId: ClientId }[]> {
      return tx<{ clientId: ClientId }[]>`
        select client_id as "clientId" from service_client where tenant_id = ${tenantId} and granted_by = ${userId}`;
    },

    async insertSecret(
      tx: Tx,
      row: { readonly secretHash: Buffer; readonly clientId: ClientId; readonly createdAt: Date },
    ): Promise<void> {
      await tx`
        insert into service_client_secret (secret_hash, client_id, created_at)
        values (${row.secretHash}, ${row.clientId}, ${row.createdAt})`;
    },

    async findBySecretHash(secretHash: Buffer): Promise<RecognisedClient | undefined> {
      const [row] = await sql<RecognisedClient[]>`
        select ${columns(sql)}, secret.expires_at as "secretExpiresAt", ${grants(sql)}
        from service_client_secret secret join service_client client using (client_id) ${grantors(sql)}
        where secret_hash = ${secretHash}`;
      return row;
    },

    /** One that signs. */
    async findSigning(clientId: string): Promise<RecognisedClient | undefined> {
      const [row] = await sql<RecognisedClient[]>`
        select ${columns(sql)}, null as "secretExpiresAt", ${grants(sql)} from service_client client ${grantors(sql)}
        where client_id = ${clientId} and (jwks is not null or jwks_uri is not null)`;
      return row;
    },

    /** False when it was noted before: it comes a second time. */
    async insertAssertion(
      tx: Tx,
      row: { readonly clientId: ClientId; readonly jti: string; readonly expiresAt: Date },
    ): Promise<boolean> {
      const { count } = await tx`
        insert into client_assertion (client_id, jti, expires_at)
        values (${row.clientId}, ${row.jti}, ${row.expiresAt}) on conflict do nothing`;
      return count === 1;
    },

    async deleteSecrets(tx: Tx, clientId: ClientId): Promise<void> {
      await tx`delete from service_client_secret where client_id = ${clientId}`;
    },

    /** Removes the secrets that were to expire anyway. */
    async deleteExpiringSecrets(tx: Tx, clientId: ClientId): Promise<void> {
      await tx`delete from service_client_secret where client_id = ${clientId} and expires_at is not null`;
    },

    async expireSecrets(tx: Tx, clientId: ClientId, expiresAt: Date): Promise<void> {
      await tx`update service_client_secret set expires_at = ${expiresAt} where client_id = ${clientId}`;
    },

    async noteUsed(tx: Tx, clientId: ClientId, usedAt: Date): Promise<void> {
      await tx`
        update service_client set last_used_at = greatest(last_used_at, ${usedAt}) where client_id = ${clientId}`;
    },
  };
}

export type ClientStore = ReturnType<typeof createClientStore>;

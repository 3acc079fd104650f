import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Connection, Party } from "./model.ts";

/** A connection with its sealed secret; null for a public client. */
export type SealedConnection<Of extends Party = Party> = Connection<Of> & { readonly sealedSecret: Buffer | null };

/** The SQL of connections. One method, one statement. */
export function createConnectionStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    connection_id as "connectionId", tenant_id as "tenantId", name, is_enabled as "isEnabled", party,
    jsonb_build_object('roleMapping', '[]'::jsonb) || rules as rules,
    version::float8 as version, created_at as "createdAt", updated_at as "updatedAt"`;
  const asJson = (db: Sql | Tx, value: object) => db.json(value as never);

  return {
    /** Lets one transaction at a time decide what connections a tenant has. Released with the transaction. */
    async lockTenant(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('sso.connection'), hashtext(${tenantId}))`;
    },

    async countConnections(tx: Tx, tenantId: string): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from connection where tenant_id = ${tenantId}`;
      return row?.count ?? 0;
    },

    /** False when another connection of the tenant has the name; nothing is written then. */
    async insertConnection(tx: Tx, row: SealedConnection): Promise<boolean> {
      const { count } = await tx`
        insert into connection (connection_id, tenant_id, name, is_enabled, party, rules, sealed_secret, version,
          created_at, updated_at)
        values (${row.connectionId}, ${row.tenantId}, ${row.name}, ${row.isEnabled}, ${asJson(tx, row.party)},
          ${asJson(tx, row.rules)}, ${row.sealedSecret}, ${row.version}, ${row.createdAt}, ${row.updatedAt})
        on conflict (tenant_id, name) do nothing`;
      return count === 1;
    },

    async updateConnection(tx: Tx, row: SealedConnection): Promise<void> {
      await tx`
        update connection set name = ${row.name}, is_enabled = ${row.isEnabled}, party = ${asJson(tx, row.party)},
          rules = ${asJson(tx, row.rules)}, sealed_secret = ${row.sealedSecret}, version = ${row.version},
          updated_at = ${row.updatedAt}
        where connection_id = ${row.connectionId}`;
    },

    async deleteConnection(tx: Tx, connectionId: string): Promise<void> {
      await tx`delete from connection where connection_id = ${connectionId}`;
    },

    async hasOtherOfName(tx: Tx, { tenantId, connectionId, name }: Connection): Promise<boolean> {
      const rows = await tx`
        select from connection where tenant_id = ${tenantId} and name = ${name} and connection_id <> ${connectionId}`;
      return rows.length > 0;
    },

    async deleteDomains(tx: Tx, connectionId: string): Promise<void> {
      await tx`delete from connection_domain where connection_id = ${connectionId}`;
    },

    /** The domains that were free and are the connection's now. */
    async insertDomains(tx: Tx, { tenantId, connectionId, rules }: Connection): Promise<readonly string[]> {
      const rows = await tx<{ domain: string }[]>`
        insert into connection_domain (tenant_id, domain, connection_id)
        select ${tenantId}, domain, ${connectionId} from unnest(${[...rules.domains]}::text[]) as given (domain)
        on conflict do nothing returning domain`;
      return rows.map(({ domain }) => domain);
    },

    async findConnection(tenantId: string, connectionId: string): Promise<Connection | undefined> {
      const [row] = await sql<Connection[]>`
        select ${columns(sql)} from connection where connection_id = ${connectionId} and tenant_id = ${tenantId}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockConnection(tx: Tx, tenantId: string, connectionId: string): Promise<SealedConnection | undefined> {
      const [row] = await tx<SealedConnection[]>`
        select ${columns(tx)}, sealed_secret as "sealedSecret" from connection
        where connection_id = ${connectionId} and tenant_id = ${tenantId} for update`;
      return row;
    },

    /** Of any tenant: for signing in, where nobody is known yet. */
    async findSealed(connectionId: string): Promise<SealedConnection | undefined> {
      const [row] = await sql<SealedConnection[]>`
        select ${columns(sql)}, sealed_secret as "sealedSecret" from connection where connection_id = ${connectionId}`;
      return row;
    },

    /** Newest first, those after `afterId`. */
    listConnections(tenantId: string, afterId: string | undefined, limit: number): Promise<Connection[]> {
      return sql<Connection[]>`
        select ${columns(sql)} from connection
        where tenant_id = ${tenantId} and (${afterId ?? null}::text is null or connection_id < ${afterId ?? null})
        order by connection_id desc limit ${limit}`;
    },

    /** Those that are enabled, in the order of their names; with a domain only the one that has it. */
    listEnabled(tenantId: string, domain: string | undefined, limit: number): Promise<Connection[]> {
      return sql<Connection[]>`
        select ${columns(sql)} from connection
        where tenant_id = ${tenantId} and is_enabled and (${domain ?? null}::text is null or connection_id in (
          select connection_id from connection_domain where tenant_id = ${tenantId} and domain = ${domain ?? null}))
        order by name, connection_id limit ${limit}`;
    },
  };
}

export type ConnectionStore = ReturnType<typeof createConnectionStore>;

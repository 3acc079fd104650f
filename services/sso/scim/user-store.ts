import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { toAsciiLower } from "./attributes.ts";
import type { Filter } from "./filter.ts";
import { toSql, userColumns } from "./filter-store.ts";
import type { ScimUser } from "./model.ts";

/** A person who may not be there yet: a create that is under way, or was broken off. */
export type BegunUser = Omit<ScimUser, "userId"> & { readonly userId: string | null };

/** The SQL of people whom connections manage. One method, one statement. */
export function createScimUserStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    resource_id as "resourceId", connection_id as "connectionId", tenant_id as "tenantId", user_id as "userId",
    user_name as "userName", external_id as "externalId", email, is_active as "isActive", attributes,
    version::float8 as version, is_due as "isDue", created_at as "createdAt", updated_at as "updatedAt"`;
  const asJson = (db: Sql | Tx, value: object) => db.json(value as never);
  const isThere = sql`user_id is not null`;

  return {
    /** Lets one transaction at a time decide which names are taken in a tenant. Released with the transaction. */
    async lockNames(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('sso.scim'), hashtext(${tenantId}))`;
    },

    /** Lets one transaction at a time decide which groups a connection has. Released with the transaction. */
    async lockGroups(tx: Tx, connectionId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('sso.scim_group'), hashtext(${connectionId}))`;
    },

    async countUsers(tx: Tx, connectionId: string): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from scim_user where connection_id = ${connectionId}`;
      return row?.count ?? 0;
    },

    async findByName(tx: Tx, tenantId: string, userName: string): Promise<BegunUser | undefined> {
      const [row] = await tx<BegunUser[]>`
        select ${columns(tx)} from scim_user
        where tenant_id = ${tenantId} and user_name_key = ${toAsciiLower(userName)}`;
      return row;
    },

    async insertUser(tx: Tx, row: BegunUser): Promise<void> {
      await tx`
        insert into scim_user (resource_id, connection_id, tenant_id, user_id, user_name, user_name_key, external_id,
          email, is_active, attributes, version, is_due, created_at, updated_at)
        values (${row.resourceId}, ${row.connectionId}, ${row.tenantId}, ${row.userId}, ${row.userName},
          ${toAsciiLower(row.userName)}, ${row.externalId}, ${row.email}, ${row.isActive},
          ${asJson(tx, row.attributes)}, ${row.version}, ${row.isDue}, ${row.createdAt}, ${row.updatedAt})`;
    },

    /** False when the person is there already, or nobody is being created under that id. */
    async finishCreate(tx: Tx, row: ScimUser): Promise<boolean> {
      const { count } = await tx`
        update scim_user set user_id = ${row.userId}, user_name = ${row.userName}, external_id = ${row.externalId},
          email = ${row.email}, is_active = ${row.isActive}, attributes = ${asJson(tx, row.attributes)},
          is_due = ${row.isDue}, created_at = ${row.createdAt}, updated_at = ${row.updatedAt}
        where resource_id = ${row.resourceId} and user_id is null`;
      return count === 1;
    },

    /** Only where the person was never there. */
    async deleteBegun(tx: Tx, resourceId: string): Promise<void> {
      await tx`delete from scim_user where resource_id = ${resourceId} and user_id is null`;
    },

    async findUser(connectionId: string, resourceId: string): Promise<ScimUser | undefined> {
      const [row] = await sql<ScimUser[]>`
        select ${columns(sql)} from scim_user
        where resource_id = ${resourceId} and connection_id = ${connectionId} and ${isThere}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockUser(tx: Tx, connectionId: string, resourceId: string): Promise<ScimUser | undefined> {
      const [row] = await tx<ScimUser[]>`
        select ${columns(tx)} from scim_user
        where resource_id = ${resourceId} and connection_id = ${connectionId} and user_id is not null for update`;
      return row;
    },

    async updateUser(tx: Tx, row: ScimUser): Promise<void> {
      await tx`
        update scim_user set user_name = ${row.userName}, user_name_key = ${toAsciiLower(row.userName)},
          external_id = ${row.externalId}, is_active = ${row.isActive}, attributes = ${asJson(tx, row.attributes)},
          version = ${row.version}, is_due = ${row.isDue}, updated_at = ${row.updatedAt}
        where resource_id = ${row.resourceId}`;
    },

    async deleteUser(tx: Tx, resourceId: string): Promise<void> {
      await tx`delete from scim_user where resource_id = ${resourceId}`;
    },

    /** In the order in which they were created. */
    listUsers(connectionId: string, filter: Filter | undefined, { limit, offset }: Part): Promise<ScimUser[]> {
      const wanted = filter ? toSql(sql, userColumns(sql), filter) : sql`true`;
      return sql<ScimUser[]>`
        select ${columns(sql)} from scim_user where connection_id = ${connectionId} and ${isThere} and ${wanted}
        order by resource_id limit ${limit} offset ${offset}`;
    },

    async countListed(connectionId: string, filter: Filter | undefined): Promise<number> {
      const wanted = filter ? toSql(sql, userColumns(sql), filter) : sql`true`;
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from scim_user
        where connection_id = ${connectionId} and ${isThere} and ${wanted}`;
      return row?.count ?? 0;
    },

    /** Those of them who are people of the connection. */
    async listKnown(tx: Tx, connectionId: string, resourceIds: readonly string[]): Promise<readonly string[]> {
      const rows = await tx<{ resourceId: string }[]>`
        select resource_id as "resourceId" from scim_user
        where connection_id = ${connectionId} and user_id is not null and resource_id = any(${[...resourceIds]})`;
      return rows.map(({ resourceId }) => resourceId);
    },

    /** People whose groups have changed: the person here is to follow, and has groups by SCIM alone from now on. */
    async setGroupsDue(tx: Tx, resourceIds: readonly string[]): Promise<void> {
      await tx`
        update scim_user set is_due = true, is_grouped = true where resource_id in (
          select resource_id from scim_user where resource_id = any(${[...resourceIds]}) order by resource_id for update)`;
    },

    async setAllDue(tx: Tx, connectionId: string): Promise<void> {
      await tx`update scim_user set is_due = true where connection_id = ${connectionId} and user_id is not null`;
    },

    /** The longest waiting first, of any tenant. */
    listDue(limit: number): Promise<ScimUser[]> {
      return sql<ScimUser[]>`
        select ${columns(sql)} from scim_user where is_due and ${isThere} order by updated_at limit ${limit}`;
    },

    /**
     * False, and then nothing changes, when the resource is at another version, or its groups are others than those that were
     * seen.
     */
    async setDone(tx: Tx, { resourceId, version }: ScimUser, groups: readonly string[]): Promise<boolean> {
      const { count } = await tx`
        update scim_user set is_due = false
        where resource_id = ${resourceId} and version = ${version} and ${[...groups]}::text[] = array(
          select display_name from scim_group join scim_member on group_id = scim_group.resource_id
          where scim_member.user_id = ${resourceId} order by display_name collate "C")`;
      return count === 1;
    },
  };
}

interface Part {
  readonly limit: number;
  readonly offset: number;
}

export type ScimUserStore = ReturnType<typeof createScimUserStore>;

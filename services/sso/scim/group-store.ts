import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Filter } from "./filter.ts";
import { groupColumns, toSql } from "./filter-store.ts";
import type { ScimGroup } from "./model.ts";

/** Somebody in a group, as lists of members show one. */
export interface ScimMember {
  readonly groupId: string;
  readonly resourceId: string;
  readonly userName: string;
}

/** The SQL of groups that connections manage. One method, one statement. */
export function createScimGroupStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    resource_id as "resourceId", connection_id as "connectionId", tenant_id as "tenantId",
    display_name as "displayName", external_id as "externalId", version::float8 as version, created_at as "createdAt",
    updated_at as "updatedAt"`;

  return {
    async countGroups(tx: Tx, connectionId: string): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from scim_group where connection_id = ${connectionId}`;
      return row?.count ?? 0;
    },

    /** False when another group of the connection has the name; nothing is written then. */
    async insertGroup(tx: Tx, row: ScimGroup): Promise<boolean> {
      const { count } = await tx`
        insert into scim_group (resource_id, connection_id, tenant_id, display_name, external_id, version, created_at,
          updated_at)
        values (${row.resourceId}, ${row.connectionId}, ${row.tenantId}, ${row.displayName}, ${row.externalId},
          ${row.version}, ${row.createdAt}, ${row.updatedAt})
        on conflict (connection_id, display_name) do nothing`;
      return count === 1;
    },

    async findGroup(connectionId: string, resourceId: string): Promise<ScimGroup | undefined> {
      const [row] = await sql<ScimGroup[]>`
        select ${columns(sql)} from scim_group
        where resource_id = ${resourceId} and connection_id = ${connectionId}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockGroup(tx: Tx, connectionId: string, resourceId: string): Promise<ScimGroup | undefined> {
      const [row] = await tx<ScimGroup[]>`
        select ${columns(tx)} from scim_group
        where resource_id = ${resourceId} and connection_id = ${connectionId} for update`;
      return row;
    },

    async hasOtherOfName(tx: Tx, { connectionId, resourceId, displayName }: ScimGroup): Promise<boolean> {
      const rows = await tx`
        select from scim_group
        where connection_id = ${connectionId} and display_name = ${displayName} and resource_id <> ${resourceId}`;
      return rows.length > 0;
    },

    async updateGroup(tx: Tx, row: ScimGroup): Promise<void> {
      await tx`
        update scim_group set display_name = ${row.displayName}, external_id = ${row.externalId},
          version = ${row.version}, updated_at = ${row.updatedAt}
        where resource_id = ${row.resourceId}`;
    },

    async deleteGroup(tx: Tx, resourceId: string): Promise<void> {
      await tx`delete from scim_group where resource_id = ${resourceId}`;
    },

    async listMemberIds(tx: Tx, groupId: string): Promise<readonly string[]> {
      const rows = await tx<{ userId: string }[]>`
        select user_id as "userId" from scim_member where group_id = ${groupId} order by user_id`;
      return rows.map(({ userId }) => userId);
    },

    async addMembers(tx: Tx, groupId: string, userIds: readonly string[]): Promise<void> {
      await tx`
        insert into scim_member (group_id, user_id)
        select ${groupId}, user_id from unnest(${[...userIds]}::text[]) as given (user_id) on conflict do nothing`;
    },

    async removeMembers(tx: Tx, groupId: string, userIds: readonly string[]): Promise<void> {
      await tx`delete from scim_member where group_id = ${groupId} and user_id = any(${[...userIds]})`;
    },

    listMembers(groupIds: readonly string[]): Promise<ScimMember[]> {
      return sql<ScimMember[]>`
        select group_id as "groupId", scim_member.user_id as "resourceId", user_name as "userName"
        from scim_member join scim_user on resource_id = scim_member.user_id
        where group_id = any(${[...groupIds]}) order by group_id, scim_member.user_id`;
    },

    /** In the order in which they were created. */
    listGroups(
      connectionId: string,
      filter: Filter | undefined,
      { limit, offset }: { readonly limit: number; readonly offset: number },
    ): Promise<ScimGroup[]> {
      const wanted = filter ? toSql(sql, groupColumns(sql), filter) : sql`true`;
      return sql<ScimGroup[]>`
        select ${columns(sql)} from scim_group where connection_id = ${connectionId} and ${wanted}
        order by resource_id limit ${limit} offset ${offset}`;
    },

    async countListed(connectionId: string, filter: Filter | undefined): Promise<number> {
      const wanted = filter ? toSql(sql, groupColumns(sql), filter) : sql`true`;
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from scim_group where connection_id = ${connectionId} and ${wanted}`;
      return row?.count ?? 0;
    },

    /** Names of the groups that somebody is in by SCIM; undefined for those of whom it has never told any. */
    async findGroupNames(connectionId: string, userId: string): Promise<readonly string[] | undefined> {
      const rows = await sql<{ names: string[] }[]>`
        select array(
          select display_name from scim_group join scim_member on group_id = scim_group.resource_id
          where scim_member.user_id = person.resource_id order by display_name collate "C") as names
        from scim_user as person
        where person.connection_id = ${connectionId} and person.user_id = ${userId} and person.is_grouped`;
      return rows[0]?.names;
    },
  };
}

export type ScimGroupStore = ReturnType<typeof createScimGroupStore>;

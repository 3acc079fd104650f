import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { type Group, type GroupStatus, groupLimits, nameKeyOf } from "./model.ts";

/** A row of the projection `membership`. */
export interface MembershipRow {
  readonly groupId: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly role: string;
  readonly addedBy: string;
  readonly addedAt: Date;
}

/** Which groups of a tenant are wanted, and from where on. */
export interface GroupQuery {
  readonly tenantId: string;
  readonly status: GroupStatus | undefined;
  /** Part of a name, in whatever case. */
  readonly name: string | undefined;
  /** Only groups that this person is in. */
  readonly memberId: string | undefined;
  /** Only groups that this person is in, and those below them. */
  readonly reachedBy: string | undefined;
  /** Only those directly below this one. */
  readonly parentId: string | undefined;
  readonly afterId: string | undefined;
  readonly limit: number;
}

/** The SQL of groups. One method, one statement. */
export function createGroupStore(sql: Sql) {
  return {
    /** Lets one transaction at a time decide on a tenant's names and their number. Released with the transaction. */
    async lockNames(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('group'), hashtext(${tenantId}))`;
    },

    /** True when the tenant has as many groups as it may have, without the archived ones and the one given. */
    async isFull(tx: Tx, { tenantId, groupId }: Group): Promise<boolean> {
      const [row] = await tx<{ is_full: boolean }[]>`
        select count(*) >= ${groupLimits.maxGroupsPerTenant} as is_full from tenant_group
        where tenant_id = ${tenantId} and status = 'active' and group_id <> ${groupId}`;
      return row?.is_full === true;
    },

    async isNameTaken(tx: Tx, { tenantId, groupId, name }: Group): Promise<boolean> {
      const rows = await tx`
        select from tenant_group
        where tenant_id = ${tenantId} and name_key = ${nameKeyOf(name)} and status = 'active' and group_id <> ${groupId}`;
      return rows.length > 0;
    },

    /** The ids from a group up to the top, itself first; empty for one that is not active in the tenant. */
    async listUpwards(tx: Tx, tenantId: string, groupId: string): Promise<string[]> {
      const rows = await tx<{ group_id: string }[]>`
        with recursive upwards as (
          select group_id, parent_id, 1 as depth from tenant_group
          where tenant_id = ${tenantId} and group_id = ${groupId} and status = 'active'
          union all
          select above.group_id, above.parent_id, depth + 1 from tenant_group as above
          join upwards on above.group_id = upwards.parent_id and above.tenant_id = ${tenantId} and depth < 100
        )
        select group_id from upwards order by depth`;
      return rows.map((row) => row.group_id);
    },

    /** How many levels of active groups there are from a group down, itself included. */
    async depthBelow(tx: Tx, tenantId: string, groupId: string): Promise<number> {
      const [row] = await tx<{ depth: number }[]>`
        with recursive downwards as (
          select ${groupId}::text as group_id, 1 as depth
          union all
          select below.group_id, depth + 1 from tenant_group as below
          join downwards on below.parent_id = downwards.group_id and below.tenant_id = ${tenantId}
            and below.status = 'active' and depth < 100
        )
        select max(depth) as depth from downwards`;
      return row?.depth ?? 1;
    },

    /** Groups of the tenant that people become members of when they come. */
    listJoined(tx: Tx, tenantId: string): Promise<{ readonly groupId: string }[]> {
      return tx<{ groupId: string }[]>`
        select group_id as "groupId" from tenant_group
        where tenant_id = ${tenantId} and status = 'active' and join_role <> '' order by group_id`;
    },

    async listGroupIdsOf(tx: Tx, userId: string): Promise<string[]> {
      const rows = await tx<{ group_id: string }[]>`select group_id from membership where user_id = ${userId}`;
      return rows.map((row) => row.group_id);
    },

    /** A person's memberships, newest first, as an export shows them. */
    listMembershipsOf(tx: Tx, userId: string, limit: number): Promise<readonly object[]> {
      return tx`
        select membership.group_id, name as group_name, role, added_by, added_at
        from membership left join tenant_group using (group_id)
        where user_id = ${userId} order by added_at desc, group_id limit ${limit}`;
    },

    listCreatedBy(tx: Tx, userId: string, limit: number): Promise<readonly object[]> {
      return tx`
        select group_id, name, status, created_at from tenant_group
        where created_by = ${userId} order by group_id desc limit ${limit}`;
    },

    async deletePerson(tx: Tx, userId: string): Promise<void> {
      await tx`delete from person where user_id = ${userId}`;
    },

    async putGroup(tx: Tx, row: Group): Promise<void> {
      await tx`
        insert into tenant_group (group_id, tenant_id, name, name_key, description, status, member_count, version,
          created_by, created_at, updated_at, parent_id, permissions, join_role)
        values (${row.groupId}, ${row.tenantId}, ${row.name}, ${nameKeyOf(row.name)}, ${row.description}, ${row.status},
          ${row.memberCount}, ${row.version}, ${row.createdBy}, ${row.createdAt}, ${row.updatedAt},
          ${row.parentId}, ${row.permissions as string[]}, ${row.joinRole})
        on conflict (group_id) do update set name = excluded.name, name_key = excluded.name_key,
          description = excluded.description, status = excluded.status, member_count = excluded.member_count,
          version = excluded.version, updated_at = excluded.updated_at, parent_id = excluded.parent_id,
          permissions = excluded.permissions, join_role = excluded.join_role`;
    },

    /** Newest first. */
    listGroups(db: Sql | Tx, query: GroupQuery): Promise<Group[]> {
      const { tenantId, status, name, memberId, reachedBy, parentId, afterId, limit } = query;
      return db<Group[]>`
        select group_id as "groupId", tenant_id as "tenantId", name, description, status, member_count as "memberCount",
          version::float8 as version, created_by as "createdBy", created_at as "createdAt", updated_at as "updatedAt",
          parent_id as "parentId", permissions, join_role as "joinRole"
        from tenant_group
        where tenant_id = ${tenantId}
          and (${afterId ?? null}::text is null or group_id < ${afterId ?? null})
          and (${status ?? null}::text is null or status = ${status ?? null})
          and position(${nameKeyOf(name ?? "")} in name_key) > 0
          and (${parentId ?? null}::text is null or parent_id = ${parentId ?? null})
          and (${memberId ?? null}::text is null or group_id in (
            select group_id from membership where tenant_id = ${tenantId} and user_id = ${memberId ?? null}))
          and (${reachedBy ?? null}::text is null or group_id in (
            with recursive reached as (
              select group_id from membership where tenant_id = ${tenantId} and user_id = ${reachedBy ?? null}
              union
              select below.group_id from tenant_group as below
              join reached on below.parent_id = reached.group_id and below.tenant_id = ${tenantId}
            )
            select group_id from reached))
        order by group_id desc limit ${limit}`;
    },

    /** `table` is the projection or its rebuild, here and below. */
    async putMembership(tx: Tx, table: string, row: MembershipRow): Promise<void> {
      await tx`
        insert into ${tx(table)} (group_id, user_id, tenant_id, role, added_by, added_at)
        values (${row.groupId}, ${row.userId}, ${row.tenantId}, ${row.role}, ${row.addedBy}, ${row.addedAt})
        on conflict (group_id, user_id) do update set tenant_id = excluded.tenant_id, role = excluded.role,
          added_by = excluded.added_by, added_at = excluded.added_at`;
    },

    async updateRole(tx: Tx, table: string, groupId: string, userId: string, role: string): Promise<void> {
      await tx`update ${tx(table)} set role = ${role} where group_id = ${groupId} and user_id = ${userId}`;
    },

    async deleteMembership(tx: Tx, table: string, groupId: string, userId: string): Promise<void> {
      await tx`delete from ${tx(table)} where group_id = ${groupId} and user_id = ${userId}`;
    },

    /** A repeat is safe. */
    async insertPerson(tx: Tx, person: { readonly userId: string; readonly tenantId: string }): Promise<void> {
      await tx`
        insert into person (user_id, tenant_id) values (${person.userId}, ${person.tenantId})
        on conflict (user_id) do nothing`;
    },

    async hasPerson(tenantId: string, userId: string): Promise<boolean> {
      const rows = await sql`select from person where user_id = ${userId} and tenant_id = ${tenantId}`;
      return rows.length > 0;
    },
  };
}

export type GroupStore = ReturnType<typeof createGroupStore>;

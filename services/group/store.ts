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
  /** Everybody who must be in the group. */
  readonly memberIds: readonly string[];
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

    async putGroup(tx: Tx, row: Group): Promise<void> {
      await tx`
        insert into tenant_group (group_id, tenant_id, name, name_key, description, status, member_count, version,
          created_by, created_at, updated_at)
        values (${row.groupId}, ${row.tenantId}, ${row.name}, ${nameKeyOf(row.name)}, ${row.description}, ${row.status},
          ${row.memberCount}, ${row.version}, ${row.createdBy}, ${row.createdAt}, ${row.updatedAt})
        on conflict (group_id) do update set name = excluded.name, name_key = excluded.name_key,
          description = excluded.description, status = excluded.status, member_count = excluded.member_count,
          version = excluded.version, updated_at = excluded.updated_at`;
    },

    /** Newest first. */
    listGroups({ tenantId, status, name, memberIds, afterId, limit }: GroupQuery): Promise<Group[]> {
      return sql<Group[]>`
        select group_id as "groupId", tenant_id as "tenantId", name, description, status, member_count as "memberCount",
          version::float8 as version, created_by as "createdBy", created_at as "createdAt", updated_at as "updatedAt"
        from tenant_group
        where tenant_id = ${tenantId}
          and (${afterId ?? null}::text is null or group_id < ${afterId ?? null})
          and (${status ?? null}::text is null or status = ${status ?? null})
          and position(${nameKeyOf(name ?? "")} in name_key) > 0
          and not exists (
            select from unnest(${memberIds as string[]}::text[]) as wanted
            where not exists (
              select from membership where membership.group_id = tenant_group.group_id and user_id = wanted
            )
          )
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

import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { SignInPolicy } from "./sign-in-policy.ts";

/** Somebody's place in a group, as groups tell it. */
export interface GroupPlace {
  readonly groupId: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly role: string;
}

const fragment = (db: Sql | Tx) => db`''`;
type Fragment = ReturnType<typeof fragment>;

/** What the groups that somebody is in give, as an array. */
export const permissionsByGroups = (
  db: Sql | Tx,
  { tenantId, userId }: { readonly tenantId: Fragment; readonly userId: Fragment },
) => db`
  array(
    select distinct given from group_access_member as place join group_access using (group_id)
    cross join unnest(group_access.permissions) as given
    where place.tenant_id = ${tenantId} and place.user_id = ${userId} and not is_archived
  )`;

/** The SQL of what groups and tenants tell of access. One method, one statement. */
export function createAccessStore(sql: Sql) {
  return {
    async putGroup(
      tx: Tx,
      row: {
        readonly groupId: string;
        readonly tenantId: string;
        readonly parentId: string;
        readonly name: string;
      },
    ): Promise<void> {
      await tx`
        insert into group_access (group_id, tenant_id, parent_id, name)
        values (${row.groupId}, ${row.tenantId}, ${row.parentId}, ${row.name})
        on conflict (group_id) do update set parent_id = excluded.parent_id, name = excluded.name`;
    },

    async setParent(tx: Tx, groupId: string, parentId: string): Promise<void> {
      await tx`update group_access set parent_id = ${parentId} where group_id = ${groupId}`;
    },

    async setName(tx: Tx, groupId: string, name: string): Promise<void> {
      await tx`update group_access set name = ${name} where group_id = ${groupId}`;
    },

    async archiveGroup(tx: Tx, groupId: string): Promise<void> {
      await tx`update group_access set is_archived = true where group_id = ${groupId}`;
    },

    async setPermissions(tx: Tx, groupId: string, permissions: readonly string[]): Promise<void> {
      await tx`update group_access set permissions = ${permissions as string[]} where group_id = ${groupId}`;
    },

    async putMember(tx: Tx, row: GroupPlace): Promise<void> {
      await tx`
        insert into group_access_member (group_id, user_id, tenant_id, role)
        values (${row.groupId}, ${row.userId}, ${row.tenantId}, ${row.role})
        on conflict (group_id, user_id) do update set role = excluded.role`;
    },

    async deleteMember(tx: Tx, { groupId, userId }: Pick<GroupPlace, "groupId" | "userId">): Promise<void> {
      await tx`delete from group_access_member where group_id = ${groupId} and user_id = ${userId}`;
    },

    /** What the groups that somebody is in give, each with its group. */
    listGiven(
      db: Sql | Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
    ): Promise<{ readonly groupId: string; readonly permission: string }[]> {
      return db<{ groupId: string; permission: string }[]>`
        select group_id as "groupId", permission
        from group_access_member join group_access using (group_id) cross join unnest(permissions) as permission
        where group_access_member.tenant_id = ${tenantId} and user_id = ${userId} and not is_archived
        order by group_id, permission limit 10000`;
    },

    /** The roles that somebody has in a group and those above it; no row for a group that the tenant does not have. */
    listRolesUpwards({
      tenantId,
      groupId,
      userId,
    }: Omit<GroupPlace, "role">): Promise<{ readonly role: string | null }[]> {
      return sql<{ role: string | null }[]>`
        with recursive upwards as (
          select group_id, parent_id, 1 as depth from group_access where tenant_id = ${tenantId} and group_id = ${groupId}
          union all
          select above.group_id, above.parent_id, depth + 1 from group_access as above
          join upwards on above.group_id = upwards.parent_id and above.tenant_id = ${tenantId} and depth < 100
        )
        select role from upwards
        left join group_access_member as place on place.group_id = upwards.group_id and place.user_id = ${userId}`;
    },

    async putPolicy(tx: Tx, tenantId: string, row: SignInPolicy, version: bigint): Promise<void> {
      await tx`
        insert into sign_in_policy (tenant_id, sign_in_methods, session_idle_minutes, session_lifetime_hours, require_mfa,
          is_impersonation_silent, version)
        values (${tenantId}, ${row.signInMethods as string[]}, ${row.sessionIdleMinutes}, ${row.sessionLifetimeHours},
          ${row.requireMfa}, ${row.silentImpersonation}, ${version})
        on conflict (tenant_id) do update set sign_in_methods = excluded.sign_in_methods,
          session_idle_minutes = excluded.session_idle_minutes,
          session_lifetime_hours = excluded.session_lifetime_hours, require_mfa = excluded.require_mfa,
          is_impersonation_silent = excluded.is_impersonation_silent,
          version = excluded.version
        where excluded.version >= sign_in_policy.version`;
    },

    async findPolicy(db: Sql | Tx, tenantId: string): Promise<SignInPolicy | undefined> {
      const [row] = await db<SignInPolicy[]>`
        select sign_in_methods as "signInMethods", session_idle_minutes as "sessionIdleMinutes",
          session_lifetime_hours as "sessionLifetimeHours", require_mfa as "requireMfa",
          is_impersonation_silent as "silentImpersonation"
        from sign_in_policy where tenant_id = ${tenantId}`;
      return row;
    },
  };
}

export type AccessStore = ReturnType<typeof createAccessStore>;

import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Role, RoleUse } from "./role-model.ts";

const fragment = (db: Sql | Tx) => db`''`;
type Fragment = ReturnType<typeof fragment>;

/** What a tenant has given a role, as an array; null for a built-in role and for one that there is not. */
export const permissionsByTenantRole = (
  db: Sql | Tx,
  { tenantId, role }: { readonly tenantId: Fragment; readonly role: Fragment },
) => db`
  (select permissions from tenant_role where tenant_role.tenant_id = ${tenantId} and tenant_role.name = ${role})`;

/** The SQL of roles that tenants have made. One method, one statement. */
export function createRoleStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    tenant_id as "tenantId", name, title, description, permissions, version::float8 as version,
    created_at as "createdAt", updated_at as "updatedAt"`;

  return {
    /** Holds off others who make roles of the tenant until the transaction ends. */
    async lockTenant(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtextextended('tenant_role ' || ${tenantId}, 0))`;
    },

    async countRoles(tx: Tx, tenantId: string): Promise<number> {
      const [row] = await tx<{ roles: number }[]>`
        select count(*)::float8 as roles from tenant_role where tenant_id = ${tenantId}`;
      return row?.roles ?? 0;
    },

    /** False when there is one of that name; nothing is written then. */
    async insertRole(tx: Tx, row: Role): Promise<boolean> {
      const { count } = await tx`
        insert into tenant_role (tenant_id, name, title, description, permissions, version, created_at, updated_at)
        values (${row.tenantId}, ${row.name}, ${row.title}, ${row.description}, ${row.permissions as string[]},
          ${row.version}, ${row.createdAt}, ${row.updatedAt})
        on conflict (tenant_id, name) do nothing`;
      return count === 1;
    },

    async findRole(tenantId: string, name: string): Promise<Role | undefined> {
      const [row] = await sql<Role[]>`
        select ${columns(sql)} from tenant_role where tenant_id = ${tenantId} and name = ${name}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockRole(tx: Tx, tenantId: string, name: string): Promise<Role | undefined> {
      const [row] = await tx<Role[]>`
        select ${columns(tx)} from tenant_role where tenant_id = ${tenantId} and name = ${name} for update`;
      return row;
    },

    /** By name; at most as many as a tenant may have. */
    listRoles(tenantId: string): Promise<Role[]> {
      return sql<
        Role[]
      >`select ${columns(sql)} from tenant_role where tenant_id = ${tenantId} order by name collate "C"`;
    },

    async updateRole(tx: Tx, row: Role): Promise<void> {
      await tx`
        update tenant_role set title = ${row.title}, description = ${row.description},
          permissions = ${row.permissions as string[]}, version = ${row.version}, updated_at = ${row.updatedAt}
        where tenant_id = ${row.tenantId} and name = ${row.name}`;
    },

    async deleteRole(tx: Tx, tenantId: string, name: string): Promise<void> {
      await tx`delete from tenant_role where tenant_id = ${tenantId} and name = ${name}`;
    },

    /** Of those who are barred, too. */
    async countHolders(tx: Tx, tenantId: string, name: string): Promise<number> {
      const [row] = await tx<{ people: number }[]>`
        select count(*)::float8 as people from principal
        where tenant_id = ${tenantId} and role = ${name} and user_id <> ''`;
      return row?.people ?? 0;
    },

    /** Nothing changes where a later version is known. */
    async upsertUse(tx: Tx, { tenantId, usedBy, roles, version }: RoleUse): Promise<void> {
      await tx`
        insert into role_use (tenant_id, used_by, roles, version)
        values (${tenantId}, ${usedBy}, ${roles as string[]}, ${version})
        on conflict (tenant_id, used_by) do update set roles = excluded.roles, version = excluded.version
        where role_use.version <= excluded.version`;
    },

    /** By which settings a role is given; at most 20. */
    async listUsedBy(tx: Tx, tenantId: string, name: string): Promise<string[]> {
      const rows = await tx<{ usedBy: string }[]>`
        select used_by as "usedBy" from role_use
        where tenant_id = ${tenantId} and ${name} = any(roles) order by used_by limit 20`;
      return rows.map(({ usedBy }) => usedBy);
    },

    /** Whether there is such a tenant, as far as auth was told. */
    async hasTenant(tenantId: string): Promise<boolean> {
      const rows = await sql`select from principal where tenant_id = ${tenantId} and user_id = ''`;
      return rows.length > 0;
    },
  };
}

export type RoleStore = ReturnType<typeof createRoleStore>;

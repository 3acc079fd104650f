import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { permissionsByTenantRole } from "./roles/role-store.ts";
import type { Principal } from "./session-model.ts";

interface OfRole {
  /** What the tenant has given the role; null for a built-in one, and for one that there is not. */
  readonly rolePermissions: readonly string[] | null;
}

export type KnownPrincipal = Principal & OfRole;
type SeenPrincipal = Pick<KnownPrincipal, "role" | "isBarred" | "rolePermissions">;

/** The SQL of what auth is told of people and tenants. One method, one statement. */
export function createPrincipalStore(sql: Sql) {
  const rolePermissions = (db: Sql | Tx) =>
    permissionsByTenantRole(db, { tenantId: db`principal.tenant_id`, role: db`principal.role` });

  return {
    /** The person as known, and what the tenant has given the role, with the role given where no other was told. Locked until the transaction ends. */
    async seePrincipal(
      tx: Tx,
      { tenantId, userId, role }: Pick<Principal, "tenantId" | "userId" | "role">,
    ): Promise<SeenPrincipal> {
      const [row] = await tx<SeenPrincipal[]>`
        insert into principal (tenant_id, user_id, role, is_barred, version)
        values (${tenantId}, ${userId}, ${role}, false, 0)
        on conflict (tenant_id, user_id) do update
          set role = case when principal.version = 0 then excluded.role else principal.role end
        returning role, is_barred as "isBarred", ${rolePermissions(tx)} as "rolePermissions"`;
      return row ?? { role, isBarred: false, rolePermissions: null };
    },

    async isBarred(tx: Tx, tenantId: string, userId: string): Promise<boolean> {
      const rows = await tx`
        select from principal where tenant_id = ${tenantId} and user_id = ${userId} and is_barred`;
      return rows.length > 0;
    },

    /** Whether it was later than what was known, or said something else at the same version. */
    async upsertPrincipal(tx: Tx, row: Principal): Promise<boolean> {
      const rows = await tx`
        insert into principal (tenant_id, user_id, role, is_barred, version)
        values (${row.tenantId}, ${row.userId}, ${row.role}, ${row.isBarred}, ${row.version})
        on conflict (tenant_id, user_id) do update
          set role = excluded.role, is_barred = excluded.is_barred, version = excluded.version
          where excluded.version > principal.version or (excluded.version = principal.version
            and (excluded.role, excluded.is_barred) is distinct from (principal.role, principal.is_barred))
        returning 1`;
      return rows.length > 0;
    },

    async findPrincipal(tenantId: string, userId: string): Promise<KnownPrincipal | undefined> {
      const [row] = await sql<KnownPrincipal[]>`
        select tenant_id as "tenantId", user_id as "userId", role, is_barred as "isBarred", version,
          ${rolePermissions(sql)} as "rolePermissions"
        from principal where tenant_id = ${tenantId} and user_id = ${userId}`;
      return row;
    },
  };
}

export type PrincipalStore = ReturnType<typeof createPrincipalStore>;

import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Tenant, TenantId } from "./model.ts";

/** The SQL of tenants. One method, one statement. */
export function createTenantStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    tenant_id as "tenantId", name, slug, plan, status, created_at as "createdAt", updated_at as "updatedAt"`;

  return {
    /** False when another tenant has the slug; nothing is written then. */
    async insertTenant(tx: Tx, row: Tenant): Promise<boolean> {
      const { count } = await tx`
        insert into tenant (tenant_id, name, slug, plan, status, created_at, updated_at)
        values (${row.tenantId}, ${row.name}, ${row.slug}, ${row.plan}, ${row.status}, ${row.createdAt},
          ${row.updatedAt})
        on conflict (slug) do nothing`;
      return count === 1;
    },

    async findTenant(tenantId: string): Promise<Tenant | undefined> {
      const [row] = await sql<Tenant[]>`select ${columns(sql)} from tenant where tenant_id = ${tenantId}`;
      return row;
    },

    async findTenantBySlug(slug: string): Promise<Tenant | undefined> {
      const [row] = await sql<Tenant[]>`select ${columns(sql)} from tenant where slug = ${slug}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockTenant(tx: Tx, tenantId: string): Promise<Tenant | undefined> {
      const [row] = await tx<Tenant[]>`select ${columns(tx)} from tenant where tenant_id = ${tenantId} for update`;
      return row;
    },

    async updateStatus(tx: Tx, tenantId: TenantId, status: Tenant["status"], updatedAt: Date): Promise<void> {
      await tx`update tenant set status = ${status}, updated_at = ${updatedAt} where tenant_id = ${tenantId}`;
    },

    /** Newest first, those after `afterId`. */
    listTenants(afterId: string | undefined, limit: number): Promise<Tenant[]> {
      return sql<Tenant[]>`
        select ${columns(sql)} from tenant where ${afterId ?? null}::text is null or tenant_id < ${afterId ?? null}
        order by tenant_id desc limit ${limit}`;
    },
  };
}

export type TenantStore = ReturnType<typeof createTenantStore>;

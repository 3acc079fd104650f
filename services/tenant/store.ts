import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { DataPolicy, Tenant, TenantStatus } from "./model.ts";

/** Which tenants are wanted, and from where on. */
export interface TenantQuery {
  /** Part of a name or slug, in whatever case. */
  readonly query: string | undefined;
  readonly status: TenantStatus | undefined;
  readonly plan: string | undefined;
  readonly afterId: string | undefined;
  readonly limit: number;
}

/** The SQL of tenants and their data policies. One method, one statement. */
export function createTenantStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    tenant_id as "tenantId", name, slug, plan, status, version::float8 as version,
    json_build_object('requireMfa', require_mfa, 'signInMethods', sign_in_methods,
      'sessionIdleMinutes', session_idle_minutes, 'sessionLifetimeHours', session_lifetime_hours,
      'silentImpersonation', silent_impersonation, 'defaultRole', default_role) as settings,
    suspended_reason as "suspendedReason", created_at as "createdAt", updated_at as "updatedAt"`;
  const policyColumns = (db: Sql | Tx) => db`
    tenant_id as "tenantId", version::float8 as version, retention_days as "retentionDays",
    store_bodies as "storeBodies", redact, changed_by as "changedBy", changed_at as "changedAt"`;

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

    /** All that can change of it. */
    async updateTenant(tx: Tx, row: Tenant): Promise<void> {
      const { requireMfa, signInMethods, sessionIdleMinutes, sessionLifetimeHours } = row.settings;
      const { silentImpersonation, defaultRole } = row.settings;
      await tx`
        update tenant set name = ${row.name}, plan = ${row.plan}, status = ${row.status}, version = ${row.version},
          require_mfa = ${requireMfa}, sign_in_methods = ${signInMethods as string[]},
          session_idle_minutes = ${sessionIdleMinutes}, session_lifetime_hours = ${sessionLifetimeHours},
          silent_impersonation = ${silentImpersonation}, default_role = ${defaultRole},
          suspended_reason = ${row.suspendedReason}, updated_at = ${row.updatedAt}
        where tenant_id = ${row.tenantId}`;
    },

    async deleteTenant(tx: Tx, tenantId: string): Promise<void> {
      await tx`delete from tenant where tenant_id = ${tenantId}`;
    },

    /** Newest first. */
    listTenants(db: Sql | Tx, { query, status, plan, afterId, limit }: TenantQuery): Promise<Tenant[]> {
      const part = query?.toLowerCase() ?? "";
      return db<Tenant[]>`
        select ${columns(db)} from tenant
        where (${afterId ?? null}::text is null or tenant_id < ${afterId ?? null})
          and (${status ?? null}::text is null or status = ${status ?? null})
          and (${plan ?? null}::text is null or plan = ${plan ?? null})
          and (position(${part} in lower(name)) > 0 or position(${part} in slug) > 0)
        order by tenant_id desc limit ${limit}`;
    },

    countTenants(): Promise<{ readonly status: TenantStatus; readonly count: number }[]> {
      return sql<{ status: TenantStatus; count: number }[]>`
        select status, count(*)::float8 as count from tenant group by status`;
    },

    /** The latest of a tenant, newest first, those before `beforeVersion`. */
    /** Versions that a person set, newest first. */
    listPoliciesBy: (
      tx: Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
      limit: number,
    ): Promise<readonly object[]> => tx`
      select version::float8, retention_days, store_bodies, redact, changed_at from data_policy
      where tenant_id = ${tenantId} and changed_by = ${userId} order by version desc limit ${limit}`,

    listPolicies(
      db: Sql | Tx,
      tenantId: string,
      beforeVersion: number | undefined,
      limit: number,
    ): Promise<DataPolicy[]> {
      return db<DataPolicy[]>`
        select ${policyColumns(db)} from data_policy
        where tenant_id = ${tenantId}
          and (${beforeVersion ?? null}::bigint is null or version < ${beforeVersion ?? null})
        order by version desc limit ${limit}`;
    },

    async insertPolicy(tx: Tx, row: DataPolicy): Promise<void> {
      await tx`
        insert into data_policy (tenant_id, version, retention_days, store_bodies, redact, changed_by, changed_at)
        values (${row.tenantId}, ${row.version}, ${row.retentionDays}, ${row.storeBodies},
          ${row.redact as string[]}, ${row.changedBy}, ${row.changedAt})`;
    },
  };
}

export type TenantStore = ReturnType<typeof createTenantStore>;

import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { PlanTenant, PricePlan } from "./plan.ts";

/** The SQL of price plans. One method, one statement. */
export function createPlanStore(sql: Sql) {
  const plans = (db: Sql | Tx) => db`
    select plan.plan_id as "planId", name, description, max_credit_limit_nanos as "maxCreditLimitNanos", markup_ppm as "markupPpm", version, plan.created_at as "createdAt",
      (select count(*)::int from price_plan_tenant t where t.plan_id = plan.plan_id) as tenants
    from price_plan plan cross join lateral (
      select markup_ppm, version from price_plan_version v where v.plan_id = plan.plan_id order by version desc limit 1
    ) newest`;

  return {
    async findPlan(name: string, tx?: Tx): Promise<PricePlan | undefined> {
      const db = tx ?? sql;
      const [plan] = await db<PricePlan[]>`${plans(db)} where name = ${name}`;
      return plan;
    },

    /** By name. */
    listPlans(page: { readonly limit: number; readonly after: string | undefined }): Promise<PricePlan[]> {
      return sql<PricePlan[]>`
        ${plans(sql)} where name collate "C" > ${page.after ?? ""} order by name collate "C" limit ${page.limit}`;
    },

    async putPlan(
      tx: Tx,
      plan: { planId: string; name: string; description: string; maxCreditLimitNanos: bigint },
    ): Promise<void> {
      await tx`
        insert into price_plan (plan_id, name, description, max_credit_limit_nanos)
        values (${plan.planId}, ${plan.name}, ${plan.description}, ${plan.maxCreditLimitNanos})
        on conflict (plan_id) do update set description = excluded.description,
          max_credit_limit_nanos = excluded.max_credit_limit_nanos`;
    },

    async insertPlanVersion(
      tx: Tx,
      row: { planVersionId: string; planId: string; version: number; markupPpm: number },
    ): Promise<void> {
      await tx`
        insert into price_plan_version (plan_version_id, plan_id, version, markup_ppm)
        values (${row.planVersionId}, ${row.planId}, ${row.version}, ${row.markupPpm})`;
    },

    /** By tenant. */
    listPlanTenants(
      planId: string,
      page: {
        readonly tenantIds: readonly string[] | undefined;
        readonly limit: number;
        readonly after: string | undefined;
      },
    ): Promise<PlanTenant[]> {
      const tenantIds = (page.tenantIds as string[] | undefined) ?? null;
      return sql<PlanTenant[]>`
        select tenant_id as "tenantId", assigned_at as "assignedAt" from price_plan_tenant
        where plan_id = ${planId} and tenant_id collate "C" > ${page.after ?? ""}
          and (${tenantIds}::text[] is null or tenant_id = any(${tenantIds}))
        order by tenant_id collate "C" limit ${page.limit}`;
    },

    /** True when that changed something. */
    async assignPlan(tx: Tx, tenantId: string, planId: string): Promise<boolean> {
      const result = await tx`
        insert into price_plan_tenant (tenant_id, plan_id) values (${tenantId}, ${planId})
        on conflict (tenant_id) do update set plan_id = excluded.plan_id, assigned_at = now()
        where price_plan_tenant.plan_id <> excluded.plan_id`;
      return result.count > 0;
    },

    /** True when the tenant was on that plan. */
    async unassignPlan(tx: Tx, tenantId: string, planId: string): Promise<boolean> {
      const result = await tx`
        delete from price_plan_tenant where tenant_id = ${tenantId} and plan_id = ${planId}`;
      return result.count > 0;
    },
  };
}

export type PlanStore = ReturnType<typeof createPlanStore>;

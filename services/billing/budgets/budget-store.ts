import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { toJson } from "../to-json.ts";
import type { Membership } from "./budget-book.ts";
import type {
  Budget,
  BudgetHold,
  BudgetLimit,
  BudgetPeriod,
  BudgetScope,
  BudgetUnit,
  CallPath,
  ScopeKind,
} from "./model.ts";

/** A budget that is about to be written. */
export interface NewBudget extends BudgetScope, BudgetLimit {
  readonly budgetId: string;
}

/** A row that gives a budget flat. */
type BudgetRow = Omit<Budget, "window"> & { readonly startsAt: Date; readonly endsAt: Date | null };

/** Which budgets of a tenant are wanted, and from where on. */
export interface BudgetQuery {
  readonly tenantId: string;
  readonly scopeKind?: ScopeKind | undefined;
  readonly scopeIds?: readonly string[] | undefined;
  readonly unit?: BudgetUnit | undefined;
  readonly period?: BudgetPeriod | undefined;
  /** Only those that a call of this user and key must fit into; all of the tenant's unless given. */
  readonly path?: CallPath | undefined;
  readonly afterId: string | undefined;
  readonly limit: number;
}

/** The SQL of budgets. One method, one statement. */
export function createBudgetStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    budget_id as "budgetId", tenant_id as "tenantId", scope_kind as "scopeKind", scope_id as "scopeId", unit, period,
    limit_amount as "limit", time_zone as "timeZone", reset_day as "resetDay", alert_percents as "alertPercents",
    window_starts_at as "startsAt", window_ends_at as "endsAt", used_amount as used, reserved_amount as reserved,
    alerted_percent as "alertedPercent", is_refusal_said as "isRefusalSaid", created_at as "createdAt",
    updated_at as "updatedAt"`;

  return {
    /** Those of the tenants that have a budget at all: for the others nothing else is asked. */
    async listBudgetedTenants(tx: Tx, tenantIds: readonly string[]): Promise<string[]> {
      const rows = await tx<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from unnest(${tenantIds as string[]}::text[]) as tenant_id
        where exists (select from budget where budget.tenant_id = tenant_id.tenant_id)`;
      return rows.map(({ tenantId }) => tenantId);
    },

    /** The time by which budgets begin anew: the database's own, which is one for all nodes. */
    async readNowMs(db: Sql | Tx): Promise<number> {
      const [row] = await db<{ now: Date }[]>`select clock_timestamp() as now`;
      return row?.now.getTime() ?? 0;
    },

    /** The budgets on the calls' paths and those that calls and leases hold, locked in one order everywhere, after the wallets. */
    async lockBudgets(tx: Tx, paths: readonly CallPath[], holderIds: readonly string[]): Promise<Budget[]> {
      const rows = await tx<BudgetRow[]>`
        with path as (
          select distinct "tenantId", "userId", "keyId"
          from jsonb_to_recordset(${toJson(paths)}::text::jsonb) as r("tenantId" text, "userId" text, "keyId" text)
        ), scope as (
          select "tenantId" as tenant_id, 'tenant' as scope_kind, "tenantId" as scope_id from path
          union select "tenantId", 'user', "userId" from path
          union select "tenantId", 'key', "keyId" from path
          union select "tenantId", 'group', group_id from path
            join budget_member on budget_member.tenant_id = "tenantId" and user_id = "userId"
        )
        select ${columns(tx)} from budget where budget_id in (
          select budget_id from scope join budget using (tenant_id, scope_kind, scope_id)
          union select budget_id from budget_hold where holder_id = any(${holderIds as string[]})
        )
        order by budget_id for update`;
      return rows.map(toBudget);
    },

    /** Which groups with a budget the users are in. */
    listMemberships(tx: Tx, paths: readonly CallPath[]): Promise<Membership[]> {
      return tx<Membership[]>`
        select m.tenant_id as "tenantId", m.user_id as "userId", group_id as "groupId"
        from (
          select distinct "tenantId", "userId"
          from jsonb_to_recordset(${toJson(paths)}::text::jsonb) as r("tenantId" text, "userId" text)
        ) as person
        join budget_member as m on m.tenant_id = "tenantId" and m.user_id = "userId"
        where exists (
          select from budget
          where budget.tenant_id = m.tenant_id and scope_kind = 'group' and scope_id = m.group_id
        )`;
    },

    findHolds(tx: Tx, holderIds: readonly string[]): Promise<BudgetHold[]> {
      return tx<BudgetHold[]>`
        select holder_id as "holderId", budget_id as "budgetId", window_starts_at as "windowStartsAt", amount
        from budget_hold where holder_id = any(${holderIds as string[]})`;
    },

    async insertHolds(tx: Tx, holds: readonly BudgetHold[]): Promise<void> {
      await tx`
        insert into budget_hold (holder_id, budget_id, window_starts_at, amount)
        select "holderId", "budgetId", "windowStartsAt", amount
        from jsonb_to_recordset(${toJson(holds)}::text::jsonb)
          as r("holderId" text, "budgetId" text, "windowStartsAt" timestamptz, amount bigint)`;
    },

    async updateHolds(tx: Tx, holds: readonly BudgetHold[]): Promise<void> {
      await tx`
        update budget_hold set amount = r.amount
        from jsonb_to_recordset(${toJson(holds)}::text::jsonb) as r("holderId" text, "budgetId" text, amount bigint)
        where holder_id = r."holderId" and budget_id = r."budgetId"`;
    },

    async deleteHolds(tx: Tx, holderIds: readonly string[]): Promise<void> {
      await tx`
        delete from budget_hold where holder_id = any(${holderIds as string[]})`;
    },

    /** Writes what calls did to budgets; limits stay as they are. */
    async updateAmounts(tx: Tx, budgets: readonly Budget[]): Promise<void> {
      const rows = budgets.map(({ budgetId, window, used, reserved, alertedPercent, isRefusalSaid }) => ({
        ...{ budgetId, used, reserved, alertedPercent, isRefusalSaid },
        ...{ startsAt: window.startsAt, endsAt: window.endsAt },
      }));
      await tx`
        update budget set window_starts_at = "startsAt", window_ends_at = "endsAt", used_amount = used,
          reserved_amount = reserved, alerted_percent = "alertedPercent", is_refusal_said = "isRefusalSaid"
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("budgetId" text, "startsAt" timestamptz,
          "endsAt" timestamptz, used bigint, reserved bigint, "alertedPercent" smallint, "isRefusalSaid" boolean)
        where budget_id = "budgetId"`;
    },

    /** Limit, calendar and marks as given, with what is used as it is. */
    async putBudgets(tx: Tx, budgets: readonly Budget[]): Promise<void> {
      const rows = budgets.map(({ window, ...budget }) => ({ ...budget, ...window }));
      await tx`
        insert into budget (budget_id, tenant_id, scope_kind, scope_id, unit, period, limit_amount, time_zone, reset_day,
          alert_percents, window_starts_at, window_ends_at, used_amount, reserved_amount, alerted_percent, is_refusal_said,
          created_at, updated_at)
        select "budgetId", "tenantId", "scopeKind", "scopeId", unit, period, "limit", "timeZone", "resetDay",
          "alertPercents", "startsAt", "endsAt", used, reserved, "alertedPercent", "isRefusalSaid", "createdAt", "updatedAt"
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("budgetId" text, "tenantId" text, "scopeKind" text,
          "scopeId" text, unit text, period text, "limit" bigint, "timeZone" text, "resetDay" smallint,
          "alertPercents" smallint[], "startsAt" timestamptz, "endsAt" timestamptz, used bigint, reserved bigint,
          "alertedPercent" smallint, "isRefusalSaid" boolean, "createdAt" timestamptz, "updatedAt" timestamptz)
        on conflict (budget_id) do update set limit_amount = excluded.limit_amount, time_zone = excluded.time_zone,
          reset_day = excluded.reset_day, alert_percents = excluded.alert_percents,
          window_starts_at = excluded.window_starts_at, window_ends_at = excluded.window_ends_at,
          used_amount = excluded.used_amount, reserved_amount = excluded.reserved_amount,
          alerted_percent = excluded.alerted_percent, is_refusal_said = excluded.is_refusal_said,
          updated_at = excluded.updated_at`;
    },

    /** Of one scope, by unit and period. `db` is a transaction for what is about to change. */
    async listOfScope(db: Sql | Tx, { tenantId, scopeKind, scopeId }: BudgetScope): Promise<Budget[]> {
      const rows = await db<BudgetRow[]>`
        select ${columns(db)} from budget
        where tenant_id = ${tenantId} and scope_kind = ${scopeKind} and scope_id = ${scopeId}
        order by unit, period`;
      return rows.map(toBudget);
    },

    async findBudget(db: Sql | Tx, tenantId: string, budgetId: string): Promise<Budget | undefined> {
      const [row] = await db<BudgetRow[]>`
        select ${columns(db)} from budget where tenant_id = ${tenantId} and budget_id = ${budgetId}`;
      return row && toBudget(row);
    },

    /** Newest first. */
    async listBudgets({ tenantId, path, afterId, limit, ...filter }: BudgetQuery): Promise<Budget[]> {
      const [scopeKind, unit, period] = [filter.scopeKind ?? null, filter.unit ?? null, filter.period ?? null];
      const scopeIds = (filter.scopeIds as string[] | undefined) ?? null;
      const rows = await sql<BudgetRow[]>`
        select ${columns(sql)} from budget
        where tenant_id = ${tenantId}
          and (${scopeKind}::text is null or scope_kind = ${scopeKind})
          and (${scopeIds}::text[] is null or scope_id = any(${scopeIds}))
          and (${unit}::text is null or unit = ${unit}) and (${period}::text is null or period = ${period})
          and (${afterId ?? null}::text is null or budget_id < ${afterId ?? null})
          and (${path === undefined} or scope_kind = 'tenant' or scope_kind = 'user' and scope_id = ${path?.userId ?? null}
            or scope_kind = 'key' and scope_id = ${path?.keyId ?? null}
            or scope_kind = 'group' and scope_id in (
              select group_id from budget_member where tenant_id = ${tenantId} and user_id = ${path?.userId ?? null}))
        order by budget_id desc limit ${limit}`;
      return rows.map(toBudget);
    },

    /** What calls in flight hold in them goes with them. Gives how many there were. */
    async deleteBudgets(tx: Tx, tenantId: string, budgetIds: readonly string[]): Promise<number> {
      const { count } = await tx`
        delete from budget where tenant_id = ${tenantId} and budget_id = any(${budgetIds as string[]})`;
      return count;
    },

    /** Counts to `most` and no further. */
    async countBudgets(tx: Tx, tenantId: string, most: number): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from (select from budget where tenant_id = ${tenantId} limit ${most}) as counted`;
      return row?.count ?? 0;
    },

    /** Of which kinds the budgets are that a call on this path must fit into. */
    async listKindsOf({ tenantId, userId, keyId }: CallPath): Promise<ScopeKind[]> {
      const rows = await sql<{ kind: ScopeKind }[]>`
        select distinct scope_kind as kind from budget
        where tenant_id = ${tenantId} and (
          scope_kind = 'tenant' or scope_kind = 'user' and scope_id = ${userId} or scope_kind = 'key' and scope_id = ${keyId}
          or scope_kind = 'group' and scope_id in (
            select group_id from budget_member where tenant_id = ${tenantId} and user_id = ${userId}))`;
      return rows.map(({ kind }) => kind);
    },

    /** Marks that these people's quota is set; gives those of whom that is new. */
    async claimQuotas(tx: Tx, tenantId: string, userIds: readonly string[]): Promise<string[]> {
      const rows = await tx<{ userId: string }[]>`
        insert into user_quota (tenant_id, user_id)
        select ${tenantId}, user_id from unnest(${userIds as string[]}::text[]) as user_id order by user_id
        on conflict do nothing returning user_id as "userId"`;
      return rows.map(({ userId }) => userId);
    },

    async hasQuota(tenantId: string, userId: string): Promise<boolean> {
      const rows = await sql`select from user_quota where tenant_id = ${tenantId} and user_id = ${userId}`;
      return rows.length > 0;
    },

    /** A repeat is safe. */
    async insertMember(tx: Tx, { tenantId, userId, groupId }: Membership): Promise<void> {
      await tx`
        insert into budget_member (tenant_id, user_id, group_id) values (${tenantId}, ${userId}, ${groupId})
        on conflict do nothing`;
    },

    async deleteMember(tx: Tx, { tenantId, userId, groupId }: Membership): Promise<void> {
      await tx`
        delete from budget_member where tenant_id = ${tenantId} and user_id = ${userId} and group_id = ${groupId}`;
    },
  };
}

function toBudget({ startsAt, endsAt, ...row }: BudgetRow): Budget {
  return { ...row, window: { startsAt, endsAt } };
}

export type BudgetStore = ReturnType<typeof createBudgetStore>;

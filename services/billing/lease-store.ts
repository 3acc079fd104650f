import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Lease } from "./lease.ts";
import { toJson } from "./to-json.ts";

/** Names a lease, whose money it is and who may spend it. */
export interface LeaseName {
  readonly leaseId: string;
  readonly tenantId: string;
  readonly nodeId: string;
}

/** A lease that is no more, with what it held. */
export type EndedLease = LeaseName & Pick<Lease, "amountNanos">;

/** The SQL of leases. One method, one statement. */
export function createLeaseStore(sql: Sql) {
  return {
    /** Locked after the wallets, in one order everywhere. */
    lockLeases(tx: Tx, leaseIds: readonly string[]): Promise<Lease[]> {
      return tx<Lease[]>`
        select lease_id as "leaseId", node_id as "nodeId", wallet_id as "walletId", tenant_id as "tenantId",
          amount_nanos as "amountNanos", change_number as "changeNumber", change_nanos as "changeNanos",
          change_tokens as "changeTokens", change_calls as "changeCalls"
        from lease where lease_id = any(${leaseIds as string[]}) order by lease_id for update`;
    },

    async putLeases(tx: Tx, leases: readonly Lease[], ttlMs: number): Promise<void> {
      await tx`
        insert into lease (lease_id, node_id, wallet_id, tenant_id, amount_nanos, change_number, change_nanos,
          change_tokens, change_calls, expires_at)
        select "leaseId", "nodeId", "walletId", "tenantId", "amountNanos", "changeNumber", "changeNanos",
          "changeTokens", "changeCalls",
          now() + coalesce("lifetimeMs", ${ttlMs}::float8) * interval '1 millisecond'
        from jsonb_to_recordset(${toJson(leases)}::text::jsonb) as r("leaseId" text, "nodeId" text, "walletId" text,
          "tenantId" text, "amountNanos" bigint, "changeNumber" integer, "changeNanos" bigint, "changeTokens" bigint, "changeCalls" bigint, "lifetimeMs" float8)
        on conflict (lease_id) do update set amount_nanos = excluded.amount_nanos,
          change_number = excluded.change_number, change_nanos = excluded.change_nanos,
          change_tokens = excluded.change_tokens, change_calls = excluded.change_calls, expires_at = excluded.expires_at`;
    },

    /** What the facts of a batch have left of each lease. */
    async updateLeaseAmounts(tx: Tx, leases: readonly Pick<Lease, "leaseId" | "amountNanos">[]): Promise<void> {
      await tx`
        update lease set amount_nanos = r."amountNanos"
        from jsonb_to_recordset(${toJson(leases)}::text::jsonb) as r("leaseId" text, "amountNanos" bigint)
        where lease_id = r."leaseId"`;
    },

    /** Those of a node's leases that were still there, each with a new time. */
    async extendLeases(tx: Tx, nodeId: string, leaseIds: readonly string[], ttlMs: number): Promise<string[]> {
      const rows = await tx<{ leaseId: string }[]>`
        update lease set expires_at = now() + ${ttlMs}::float8 * interval '1 millisecond'
        where node_id = ${nodeId} and lease_id = any(${leaseIds as string[]}) returning lease_id as "leaseId"`;
      return rows.map(({ leaseId }) => leaseId);
    },

    /** Leases whose node has not been heard of for `graceMs` after their time, with their tenants. */
    listExpiredLeases(graceMs: number, limit: number): Promise<LeaseName[]> {
      return sql<LeaseName[]>`
        select lease_id as "leaseId", tenant_id as "tenantId", node_id as "nodeId" from lease
        where expires_at < now() - ${graceMs}::float8 * interval '1 millisecond' order by expires_at limit ${limit}`;
    },

    /** Those of a node's leases that are there. */
    listLeasesOf(nodeId: string, leaseIds: readonly string[]): Promise<LeaseName[]> {
      return sql<LeaseName[]>`
        select lease_id as "leaseId", tenant_id as "tenantId", node_id as "nodeId" from lease
        where node_id = ${nodeId} and lease_id = any(${leaseIds as string[]})`;
    },

    /** Deletes a node's leases; gives what each held. */
    async deleteLeasesOf(tx: Tx, nodeId: string, leaseIds: readonly string[]): Promise<EndedLease[]> {
      return tx<EndedLease[]>`
        delete from lease where node_id = ${nodeId} and lease_id = any(${leaseIds as string[]})
        returning lease_id as "leaseId", tenant_id as "tenantId", node_id as "nodeId", amount_nanos as "amountNanos"`;
    },

    /** Deletes leases that are still expired; gives what each held. */
    async deleteExpiredLeases(tx: Tx, leaseIds: readonly string[], graceMs: number): Promise<EndedLease[]> {
      return tx<EndedLease[]>`
        delete from lease where lease_id = any(${leaseIds as string[]})
          and expires_at < now() - ${graceMs}::float8 * interval '1 millisecond'
        returning lease_id as "leaseId", tenant_id as "tenantId", node_id as "nodeId", amount_nanos as "amountNanos"`;
    },

    /** Whether some node holds money of the tenant in a lease. */
    async hasLeasedMoney(tenantId: string): Promise<boolean> {
      const [row] = await sql<{ found: boolean }[]>`
        select exists (select from lease where tenant_id = ${tenantId} and amount_nanos > 0) as found`;
      return row?.found === true;
    },

    /** Whether some node holds a share of the budget in a lease. */
    async hasLeasedShare(budgetId: string): Promise<boolean> {
      const [row] = await sql<{ found: boolean }[]>`
        select exists (
          select from budget_hold join lease on lease_id = holder_id where budget_id = ${budgetId} and amount > 0
        ) as found`;
      return row?.found === true;
    },
  };
}

export type LeaseStore = ReturnType<typeof createLeaseStore>;

import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { toJson } from "../to-json.ts";
import type { Grant, GrantMoney } from "./grant-model.ts";

/** The SQL of grants. One method, one statement. */
export function createGrantStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    grant_id as "grantId", wallet_id as "walletId", tenant_id as "tenantId", reference, reason, created_by as "createdBy",
    amount_nanos as "amountNanos", left_nanos as "leftNanos", spent_mark_nanos as "spentMarkNanos",
    expired_nanos as "expiredNanos", expiries, expires_at as "expiresAt", created_at as "createdAt", ended_at as "endedAt"`;

  return {
    /** Without what is lent. Under the wallet's lock nothing of this changes. */
    async getMoney(db: Sql | Tx, walletId: string): Promise<GrantMoney> {
      const [money] = await db<GrantMoney[]>`
        select balance_nanos - credit_limit_nanos as "balanceNanos", held_nanos as "heldNanos", spent_nanos as "spentNanos"
        from wallet where wallet_id = ${walletId}`;
      if (!money) throw new Error(`there is no wallet ${walletId}`);
      return money;
    },

    /** Changed only under the wallet's lock. */
    listOpenGrants(db: Sql | Tx, walletId: string): Promise<Grant[]> {
      return db<Grant[]>`
        select ${columns(db)} from credit_grant where wallet_id = ${walletId} and ended_at is null`;
    },

    async findGrant(tx: Tx, walletId: string, reference: string): Promise<Grant | undefined> {
      const [grant] = await tx<Grant[]>`
        select ${columns(tx)} from credit_grant where wallet_id = ${walletId} and reference = ${reference}`;
      return grant;
    },

    async insertGrant(tx: Tx, grant: Grant): Promise<void> {
      await tx`
        insert into credit_grant (grant_id, wallet_id, tenant_id, reference, reason, created_by, amount_nanos, left_nanos,
          spent_mark_nanos, expires_at, created_at)
        values (${grant.grantId}, ${grant.walletId}, ${grant.tenantId}, ${grant.reference}, ${grant.reason},
          ${grant.createdBy}, ${grant.amountNanos}, ${grant.leftNanos}, ${grant.spentMarkNanos}, ${grant.expiresAt},
          ${grant.createdAt})`;
    },

    /** Nothing left is nothing open. */
    async updateGrants(tx: Tx, grants: readonly Grant[], now: Date): Promise<void> {
      const rows = grants.map(({ grantId, leftNanos, spentMarkNanos, expiredNanos, expiries }) => ({
        ...{ grantId, leftNanos, spentMarkNanos, expiredNanos, expiries },
      }));
      await tx`
        update credit_grant set left_nanos = r."leftNanos", spent_mark_nanos = r."spentMarkNanos",
          expired_nanos = r."expiredNanos", expiries = r.expiries,
          ended_at = case when r."leftNanos" = 0 then ${now}::timestamptz end
        from jsonb_to_recordset(${toJson(rows)}::text::jsonb) as r("grantId" text, "leftNanos" bigint,
          "spentMarkNanos" bigint, "expiredNanos" bigint, expiries integer)
        where grant_id = r."grantId"`;
    },

    listTenantsWithExpired(now: Date, limit: number): Promise<{ tenantId: string }[]> {
      return sql<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from credit_grant where ended_at is null and expires_at <= ${now}
        group by tenant_id order by min(expires_at) limit ${limit}`;
    },

    listGrants(page: {
      readonly tenantId: string;
      readonly afterId: string | undefined;
      readonly limit: number;
    }): Promise<Grant[]> {
      const afterId = page.afterId ?? null;
      return sql<Grant[]>`
        select ${columns(sql)} from credit_grant
        where tenant_id = ${page.tenantId} and (${afterId}::text is null or grant_id < ${afterId})
        order by grant_id desc limit ${page.limit}`;
    },
  };
}

export type GrantStore = ReturnType<typeof createGrantStore>;

import type { Sql, Tx } from "@lyss/kit/db/database.ts";

/** The SQL of what tenants owe. One method, one statement. */
export function createDebtStore(sql: Sql) {
  return {
    /** What an account comes to. Under the wallet's lock nobody changes its debt. */
    async sumAccount(db: Sql | Tx, account: string): Promise<bigint> {
      const [sum] = await db<{ nanos: bigint }[]>`
        select coalesce(sum(amount_nanos), 0)::bigint as nanos from entry where account = ${account}`;
      return sum?.nanos ?? 0n;
    },

    /** Tenants that owe something and have something available. */
    listDebtors(prefix: string, limit: number): Promise<{ tenantId: string }[]> {
      return sql<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from wallet
        join (
          select account, sum(amount_nanos) as nanos from entry
          where account >= ${prefix} and account < ${prefix} || chr(127) group by account
        ) debt on account = ${prefix} || wallet_id
        where nanos < 0 and balance_nanos > held_nanos + credit_limit_nanos limit ${limit}`;
    },
  };
}

export type DebtStore = ReturnType<typeof createDebtStore>;

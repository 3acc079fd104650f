import type { Tx } from "@lyss/kit/db/database.ts";

/** A limit as it was set, under the name by which it was asked for. */
export interface CreditLimitChange {
  readonly walletId: string;
  readonly reference: string;
  readonly limitNanos: bigint;
  readonly beforeNanos: bigint;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** The SQL of credit limits. One method, one statement; all under the wallet's lock. */
export function createCreditLimitStore() {
  return {
    async findChange(tx: Tx, walletId: string, reference: string): Promise<CreditLimitChange | undefined> {
      const [change] = await tx<CreditLimitChange[]>`
        select wallet_id as "walletId", reference, limit_nanos as "limitNanos", before_nanos as "beforeNanos", reason,
          created_by as "createdBy", created_at as "createdAt"
        from credit_limit_change where wallet_id = ${walletId} and reference = ${reference}`;
      return change;
    },

    /** How much credit the tenant may be given by its plan; none without a plan. */
    async findMostNanos(tx: Tx, tenantId: string): Promise<bigint> {
      const [plan] = await tx<{ most: bigint }[]>`
        select max_credit_limit_nanos as most from price_plan_tenant join price_plan using (plan_id)
        where tenant_id = ${tenantId}`;
      return plan?.most ?? 0n;
    },

    async insertChange(tx: Tx, change: CreditLimitChange): Promise<void> {
      await tx`
        insert into credit_limit_change (wallet_id, reference, limit_nanos, before_nanos, reason, created_by, created_at)
        values (${change.walletId}, ${change.reference}, ${change.limitNanos}, ${change.beforeNanos}, ${change.reason},
          ${change.createdBy}, ${change.createdAt})`;
    },

    async updateCreditLimit(tx: Tx, walletId: string, limitNanos: bigint): Promise<void> {
      await tx`update wallet set credit_limit_nanos = ${limitNanos} where wallet_id = ${walletId}`;
    },
  };
}

export type CreditLimitStore = ReturnType<typeof createCreditLimitStore>;

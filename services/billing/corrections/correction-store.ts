import type { Sql, Tx } from "@lyss/kit/db/database.ts";

/** What an operator put in (positive) or took out. */
export interface Adjustment {
  readonly adjustmentId: string;
  readonly walletId: string;
  readonly tenantId: string;
  readonly reference: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly amountNanos: bigint;
  readonly createdAt: Date;
}

/** What was given back for a call. */
export interface CallRefund {
  readonly refundId: string;
  readonly callId: string;
  readonly tenantId: string;
  readonly walletId: string;
  readonly reference: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly amountNanos: bigint;
  readonly createdAt: Date;
}

export interface CallReference {
  readonly tenantId: string;
  readonly callId: string;
}

/** What a call has cost its wallet, over all its attempts, and what of it was given back. */
export interface CallCost {
  readonly tenantId: string;
  readonly walletId: string;
  readonly costNanos: bigint;
  readonly refundedNanos: bigint;
}

/** The SQL of corrections by hand. One method, one statement. */
export function createCorrectionStore() {
  const refundColumns = (tx: Sql | Tx) => tx`
    refund_id as "refundId", call_id as "callId", tenant_id as "tenantId", wallet_id as "walletId", reference, reason,
    created_by as "createdBy", amount_nanos as "amountNanos", created_at as "createdAt"`;

  return {
    async findAdjustment(tx: Tx, walletId: string, reference: string): Promise<Adjustment | undefined> {
      const [found] = await tx<Adjustment[]>`
        select adjustment_id as "adjustmentId", wallet_id as "walletId", tenant_id as "tenantId", reference, reason,
          created_by as "createdBy", amount_nanos as "amountNanos", created_at as "createdAt"
        from adjustment where wallet_id = ${walletId} and reference = ${reference}`;
      return found;
    },

    async insertAdjustment(tx: Tx, it: Adjustment): Promise<void> {
      await tx`
        insert into adjustment (adjustment_id, wallet_id, tenant_id, reference, reason, created_by, amount_nanos, created_at)
        values (${it.adjustmentId}, ${it.walletId}, ${it.tenantId}, ${it.reference}, ${it.reason}, ${it.createdBy},
          ${it.amountNanos}, ${it.createdAt})`;
    },

    /** Whose call it was; undefined when no such call was recorded. */
    async findCallTenant(tx: Tx, callId: string): Promise<string | undefined> {
      const [row] = await tx<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from usage where call_id = ${callId} limit 1`;
      return row?.tenantId;
    },

    /** Under the wallet's lock none of it changes. */
    async getCallCost(tx: Tx, callId: string): Promise<CallCost | undefined> {
      const [cost] = await tx<CallCost[]>`
        select tenant_id as "tenantId", wallet_id as "walletId", sum(cost_nanos)::bigint as "costNanos",
          (select coalesce(sum(amount_nanos), 0) from call_refund where call_id = ${callId})::bigint as "refundedNanos"
        from usage where call_id = ${callId} group by tenant_id, wallet_id`;
      return cost;
    },

    async findCallRefund(tx: Tx, callId: string, reference: string): Promise<CallRefund | undefined> {
      const [found] = await tx<CallRefund[]>`
        select ${refundColumns(tx)} from call_refund where call_id = ${callId} and reference = ${reference}`;
      return found;
    },

    /** The earliest first. */
    listCallRefunds(sql: Sql, { tenantId, callId }: CallReference, limit: number): Promise<CallRefund[]> {
      return sql<CallRefund[]>`
        select ${refundColumns(sql)} from call_refund where call_id = ${callId} and tenant_id = ${tenantId}
        order by created_at, refund_id limit ${limit}`;
    },

    async insertCallRefund(tx: Tx, it: CallRefund): Promise<void> {
      await tx`
        insert into call_refund (refund_id, call_id, tenant_id, wallet_id, reference, reason, created_by, amount_nanos,
          created_at)
        values (${it.refundId}, ${it.callId}, ${it.tenantId}, ${it.walletId}, ${it.reference}, ${it.reason},
          ${it.createdBy}, ${it.amountNanos}, ${it.createdAt})`;
    },
  };
}

export type CorrectionStore = ReturnType<typeof createCorrectionStore>;

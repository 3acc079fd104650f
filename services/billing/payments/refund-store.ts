import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { PaymentRefund, RefundState, Reversal, ReversalState } from "./refund-model.ts";

/** The SQL of what goes back to payers. One method, one statement. */
export function createRefundStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    refund_id as "refundId", order_id as "orderId", tenant_id as "tenantId", reference, reason, created_by as "createdBy",
    currency, amount_nanos as "amountNanos", state, created_at as "createdAt", ended_at as "endedAt"`;

  return {
    async findRefund(tx: Tx, orderId: string, reference: string): Promise<PaymentRefund | undefined> {
      const [refund] = await tx<PaymentRefund[]>`
        select ${columns(tx)} from payment_refund where order_id = ${orderId} and reference = ${reference}`;
      return refund;
    },

    async findRefundById(refundId: string): Promise<PaymentRefund | undefined> {
      const [refund] = await sql<PaymentRefund[]>`
        select ${columns(sql)} from payment_refund where refund_id = ${refundId}`;
      return refund;
    },

    async getRefund(refundId: string): Promise<PaymentRefund> {
      const [refund] = await sql<PaymentRefund[]>`
        select ${columns(sql)} from payment_refund where refund_id = ${refundId}`;
      if (!refund) throw new Error(`there is no refund ${refundId}`);
      return refund;
    },

    /** Locked after the wallet. */
    async lockRefund(tx: Tx, refundId: string): Promise<PaymentRefund | undefined> {
      const [refund] = await tx<PaymentRefund[]>`
        select ${columns(tx)} from payment_refund where refund_id = ${refundId} for update`;
      return refund;
    },

    async insertRefund(tx: Tx, it: PaymentRefund, nextTryAt: Date): Promise<void> {
      await tx`
        insert into payment_refund (refund_id, order_id, tenant_id, reference, reason, created_by, currency, amount_nanos,
          state, created_at, next_try_at)
        values (${it.refundId}, ${it.orderId}, ${it.tenantId}, ${it.reference}, ${it.reason}, ${it.createdBy},
          ${it.currency}, ${it.amountNanos}, ${it.state}, ${it.createdAt}, ${nextTryAt})`;
    },

    async endRefund(tx: Tx, refundId: string, state: RefundState, endedAt: Date): Promise<void> {
      await tx`
        update payment_refund set state = ${state}, ended_at = ${endedAt}, next_try_at = null where refund_id = ${refundId}`;
    },

    /** Takes refunds whose time has come and gives them their next one: after a minute, doubling, at most an hour. */
    takeDueRefunds(tx: Tx, now: Date, limit: number): Promise<PaymentRefund[]> {
      return tx<PaymentRefund[]>`
        update payment_refund set tries = tries + 1,
          next_try_at = ${now}::timestamptz + least(60, power(2, least(tries, 10))) * interval '1 minute'
        where refund_id in (
          select refund_id from payment_refund where next_try_at <= ${now} order by next_try_at limit ${limit}
          for update skip locked
        )
        returning ${columns(tx)}`;
    },

    /** What of an order went back to its payer or is on its way there, by refunds, and by reversals that were not won. */
    async getReturned(tx: Tx, orderId: string): Promise<bigint> {
      const [sum] = await tx<{ nanos: bigint }[]>`
        select (
          (select coalesce(sum(amount_nanos), 0) from payment_refund where order_id = ${orderId} and state <> 'failed')
          + (select coalesce(sum(amount_nanos), 0) from payment_reversal where order_id = ${orderId} and state <> 'won')
        )::bigint as nanos`;
      return sum?.nanos ?? 0n;
    },

    /** False when it is there already. */
    async insertReversal(tx: Tx, it: Reversal): Promise<boolean> {
      const result = await tx`
        insert into payment_reversal (provider, reversal_id, order_id, kind, amount_nanos, state, created_at)
        values (${it.provider}, ${it.reversalId}, ${it.orderId}, ${it.kind}, ${it.amountNanos}, ${it.state}, ${it.createdAt})
        on conflict do nothing`;
      return result.count === 1;
    },

    /** False unless it was open; a refund that was made by hand may turn out to have failed, too. */
    async closeReversal(
      tx: Tx,
      { provider, reversalId }: Pick<Reversal, "provider" | "reversalId">,
      state: ReversalState,
    ): Promise<boolean> {
      const result = await tx`
        update payment_reversal set state = ${state}
        where provider = ${provider} and reversal_id = ${reversalId} and state <> ${state}
          and (state = 'open' or (state = 'lost' and kind = 'refund'))`;
      return result.count === 1;
    },
  };
}

export type RefundStore = ReturnType<typeof createRefundStore>;

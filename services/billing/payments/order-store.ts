import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Order, OrderState } from "./payment-model.ts";

/** What is known of an order before its provider is. */
export type NewOrder = Omit<Order, "state" | "sessionId" | "checkoutUrl" | "paymentId" | "endedAt">;

/** A page of orders, newest first. */
export interface OrderPage {
  /** Undefined for those of every tenant. */
  readonly tenantId: string | undefined;
  readonly state?: OrderState | undefined;
  readonly number?: string | undefined;
  readonly afterId: string | undefined;
  readonly limit: number;
}

/** What the provider's word changes in an order. */
export interface OrderChange {
  readonly orderId: string;
  readonly state: OrderState;
  readonly sessionId: string;
  readonly checkoutUrl: string | null;
  readonly paymentId: string | null;
  readonly endedAt: Date | null;
}

/** The SQL of top-up orders and of what their providers said. One method, one statement. */
export function createOrderStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    order_id as "orderId", tenant_id as "tenantId", wallet_id as "walletId", user_id as "userId", provider, currency,
    amount_nanos as "amountNanos", state, success_url as "successUrl", cancel_url as "cancelUrl",
    session_id as "sessionId", checkout_url as "checkoutUrl", payment_id as "paymentId", created_at as "createdAt",
    expires_at as "expiresAt", ended_at as "endedAt"`;

  return {
    async insertOrder(tx: Tx, order: NewOrder & { readonly nextPollAt: Date }): Promise<void> {
      await tx`
        insert into payment_order (order_id, tenant_id, wallet_id, user_id, provider, currency, amount_nanos, state,
          success_url, cancel_url, created_at, expires_at, next_poll_at)
        values (${order.orderId}, ${order.tenantId}, ${order.walletId}, ${order.userId}, ${order.provider},
          ${order.currency}, ${order.amountNanos}, 'created', ${order.successUrl}, ${order.cancelUrl},
          ${order.createdAt}, ${order.expiresAt}, ${order.nextPollAt})`;
    },

    async countOpenOrders(tx: Tx, tenantId: string, limit: number): Promise<number> {
      const rows = await tx`
        select from payment_order where tenant_id = ${tenantId} and state in ('created', 'pending') limit ${limit}`;
      return rows.length;
    },

    async findOrder(orderId: string): Promise<Order | undefined> {
      const [order] = await sql<Order[]>`select ${columns(sql)} from payment_order where order_id = ${orderId}`;
      return order;
    },

    async findOrderByPayment(provider: string, paymentId: string): Promise<Order | undefined> {
      const [order] = await sql<Order[]>`
        select ${columns(sql)} from payment_order where provider = ${provider} and payment_id = ${paymentId}`;
      return order;
    },

    /** Locked after the wallet, everywhere. */
    async lockOrder(tx: Tx, orderId: string): Promise<Order | undefined> {
      const [order] = await tx<Order[]>`
        select ${columns(tx)} from payment_order where order_id = ${orderId} for update`;
      return order;
    },

    listOrders(page: OrderPage): Promise<Order[]> {
      const [tenantId, state, afterId] = [page.tenantId ?? null, page.state ?? null, page.afterId ?? null];
      const { number } = page;
      const ofNumber =
        number === undefined
          ? sql``
          : sql`and (order_id = ${number} or session_id = ${number} or payment_id = ${number})`;
      return sql<Order[]>`
        select ${columns(sql)} from payment_order
        where (${tenantId}::text is null or tenant_id = ${tenantId}) and (${state}::text is null or state = ${state})
          and (${afterId}::text is null or order_id < ${afterId})
          ${ofNumber}
        order by order_id desc limit ${page.limit}`;
    },

    async updateOrder(tx: Tx, change: OrderChange): Promise<void> {
      await tx`
        update payment_order set state = ${change.state}, session_id = ${change.sessionId},
          checkout_url = ${change.checkoutUrl}, payment_id = ${change.paymentId}, ended_at = ${change.endedAt},
          next_poll_at = case when ${change.endedAt === null} then next_poll_at end
        where order_id = ${change.orderId}`;
    },

    /** An order of which its provider never heard. */
    async expireOrder(tx: Tx, orderId: string, endedAt: Date): Promise<void> {
      await tx`
        update payment_order set state = 'expired', ended_at = ${endedAt}, next_poll_at = null
        where order_id = ${orderId} and state = 'created'`;
    },

    /**
     * Takes orders whose time has come, and gives them their next one: after a minute, doubling, at most an hour, for 30 days. So two nodes
     * do not ask for the same.
     */
    takeDueOrders(tx: Tx, now: Date, limit: number): Promise<Order[]> {
      return tx<Order[]>`
        update payment_order set polls = polls + 1,
          next_poll_at = ${now}::timestamptz + least(60, power(2, least(polls, 10))) * interval '1 minute'
        where order_id in (
          select order_id from payment_order where next_poll_at <= ${now} and created_at > ${now}::timestamptz - interval '30 days'
          order by next_poll_at limit ${limit}
          for update skip locked
        )
        returning ${columns(tx)}`;
    },

    /** False when that event was here before; another transaction that brings it is waited for. */
    async insertEvent(
      tx: Tx,
      event: {
        readonly provider: string;
        readonly eventId: string;
        readonly type: string;
        readonly orderId: string;
        readonly receivedAt: Date;
      },
    ): Promise<boolean> {
      const result = await tx`
        insert into payment_event (provider, event_id, type, order_id, received_at)
        values (${event.provider}, ${event.eventId}, ${event.type}, ${event.orderId}, ${event.receivedAt})
        on conflict do nothing`;
      return result.count === 1;
    },
  };
}

export type OrderStore = ReturnType<typeof createOrderStore>;

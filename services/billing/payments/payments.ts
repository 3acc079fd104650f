import { collectDebts } from "../debts/debts.ts";
import { accounts } from "../journal/accounts.ts";
import { applyCheckout } from "./apply-checkout.ts";
import { applyReversal } from "./apply-reversal.ts";
import { type CreateOrderInput, createOrder } from "./create-order.ts";
import { getOrder, type ListOrdersInput, listOrders } from "./list-orders.ts";
import { type PaymentDeps, requireProvider } from "./payment-deps.ts";
import { pollOrders } from "./poll-orders.ts";
import { type RefundOrderInput, refundOrder, retryRefunds } from "./refund-order.ts";

/** Money from outside: orders, what their provider says of them, and what is asked when it says nothing. */
export function createPayments(deps: PaymentDeps) {
  return {
    isOffered: deps.provider !== undefined,
    createOrder: (input: CreateOrderInput) => createOrder(deps, input),
    getOrder: (input: { readonly orderId: string; readonly tenantId?: string | undefined }) => getOrder(deps, input),
    listOrders: (input: ListOrdersInput) => listOrders(deps, input),
    /** Takes a notification. A repeat changes nothing. Throws `webhook_refused`, `payment_mismatch`, `order_not_found`. */
    async takeNotification(notification: { readonly signature: string; readonly body: Buffer }): Promise<void> {
      const event = requireProvider(deps).readEvent(notification);
      if (event.checkout) await applyCheckout(deps, event.checkout, event);
      if (event.reversal) await applyReversal(deps, event.reversal);
    },
    refundOrder: (input: RefundOrderInput) => refundOrder(deps, input),
    retryRefunds: (signal: AbortSignal) => retryRefunds(deps, signal),
    collectDebts: (signal: AbortSignal) => collectDebts(deps, signal),
    /** What the wallet's tenant owes: money that was taken back after it was spent. */
    getDebt: async (walletId: string) => -(await deps.debts.sumAccount(deps.db.sql, accounts.debt(walletId))),
    pollOrders: (signal: AbortSignal) => pollOrders(deps, signal),
  };
}

export type Payments = ReturnType<typeof createPayments>;

import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { PaymentDeps } from "./payment-deps.ts";
import type { Order, OrderState } from "./payment-model.ts";

export interface ListOrdersInput extends PageRequest {
  /** Undefined for those of every tenant. */
  readonly tenantId: string | undefined;
  readonly state?: OrderState | undefined;
  /** Of the order, or of its session or payment at the provider. */
  readonly number?: string | undefined;
}

/** Orders, newest first. */
export async function listOrders(
  { orders }: Pick<PaymentDeps, "orders">,
  { limit, cursor, ...filter }: ListOrdersInput,
): Promise<Page<Order>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await orders.listOrders({ ...filter, afterId, limit: limit + 1 });
  return toPage(rows, limit, ({ orderId }) => [orderId]);
}

/** One order. Throws `order_not_found`, also for one of another tenant than `tenantId`. */
export async function getOrder(
  { orders }: Pick<PaymentDeps, "orders">,
  { orderId, tenantId }: { readonly orderId: string; readonly tenantId?: string | undefined },
): Promise<Order> {
  const order = await orders.findOrder(orderId);
  if (!order || (tenantId !== undefined && order.tenantId !== tenantId)) {
    throw new Failure(billingFailures.order_not_found);
  }
  return order;
}

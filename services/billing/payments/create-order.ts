import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { parseNanos } from "../model.ts";
import { applyCheckout } from "./apply-checkout.ts";
import { getOrder } from "./list-orders.ts";
import { type PaymentDeps, requireProvider } from "./payment-deps.ts";
import type { Order } from "./payment-model.ts";

export interface CreateOrderInput {
  readonly tenantId: string;
  readonly userId: string;
  readonly amountNanos: bigint;
  readonly currency: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
}

const maxOpenOrders = 20;
const firstPollMs = 60_000;
const centNanos = 10_000_000n;

/**
 * Makes an order and opens a checkout for it at the payment provider; the order then says where to pay. With an idempotency
 * key a repeat gives the same order, and opens the checkout if that has failed before. Throws `payments_not_offered`,
 * `amount_out_of_range`, `return_url_refused`, `too_many_orders`, `wallet_not_found`, `payment_provider_failed` and
 * `payment_refused`.
 */
export async function createOrder(deps: PaymentDeps, input: CreateOrderInput): Promise<Order> {
  const provider = requireProvider(deps);
  checkInput(deps, input);
  const { tenantId, userId, amountNanos, currency, successUrl, cancelUrl } = input;
  const request = { operation: "createTopUpOrder", scope: tenantId, input };
  const orderId = await deps.idempotency.run(request, async (tx) => {
    const [wallet] = await deps.journal.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    if ((await deps.orders.countOpenOrders(tx, tenantId, maxOpenOrders)) >= maxOpenOrders) {
      throw new Failure(billingFailures.too_many_orders, { maximum: maxOpenOrders });
    }
    const nowMs = deps.clock.nowMs();
    const names = { orderId: deps.random.id("ord"), tenantId, userId, walletId: wallet.walletId };
    await deps.orders.insertOrder(tx, {
      ...names,
      ...{ provider: provider.name, currency, amountNanos, successUrl, cancelUrl },
      createdAt: new Date(nowMs),
      expiresAt: new Date(nowMs + deps.settings.orderTtlMs),
      nextPollAt: new Date(nowMs + firstPollMs),
    });
    return names.orderId;
  });
  const order = await getOrder(deps, { orderId, tenantId });
  if (order.state !== "created") return order;
  // The order's id is the provider's idempotency key: whoever repeats this gets the same checkout.
  await applyCheckout(deps, await provider.createCheckout(order));
  return getOrder(deps, { orderId, tenantId });
}

function checkInput({ settings, currency }: PaymentDeps, input: CreateOrderInput): void {
  if (input.currency !== currency) {
    const [reason, reason_zh_CN] = [`must be ${currency}, the wallet's currency`, `必须是钱包的货币 ${currency}`];
    throw new Failure(kitFailures.invalid_request, { field: "currency", reason, reason_zh_CN });
  }
  const { minAmount: minimum, maxAmount: maximum } = settings;
  const { amountNanos } = input;
  if (amountNanos < (parseNanos(minimum) ?? 0n) || amountNanos > (parseNanos(maximum) ?? 0n)) {
    throw new Failure(billingFailures.amount_out_of_range, { minimum, maximum, currency });
  }
  if (amountNanos % centNanos !== 0n) {
    const [reason, reason_zh_CN] = ["must have at most two decimals", "最多两位小数"];
    throw new Failure(kitFailures.invalid_request, { field: "amount", reason, reason_zh_CN });
  }
  for (const [field, url] of [
    ["success_url", input.successUrl],
    ["cancel_url", input.cancelUrl],
  ] as const) {
    if (!URL.canParse(url) || !settings.returnOrigins.includes(new URL(url).origin)) {
      throw new Failure(billingFailures.return_url_refused, { field });
    }
  }
}

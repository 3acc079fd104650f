import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { OrderStore } from "@lyss/services/billing/payments/order-store.ts";
import type { PaymentDeps } from "@lyss/services/billing/payments/payment-deps.ts";
import type { Order } from "@lyss/services/billing/payments/payment-model.ts";
import type {
  Checkout,
  CheckoutRequest,
  PaymentProvider,
  ProviderRefund,
  RefundRequest,
} from "@lyss/services/billing/payments/payment-provider.ts";
import type { PaymentRefund, Reversal } from "@lyss/services/billing/payments/refund-model.ts";
import type { RefundStore } from "@lyss/services/billing/payments/refund-store.ts";
import { pino } from "pino";
import { startCredit } from "./memory-credit.ts";

const cent = 10_000_000n;
export const dollar = 100n * cent;

/** A payment provider that does what a test tells it to. */
function createFakeProvider() {
  const checkouts = new Map<string, Checkout>();
  const refunds: ProviderRefund[] = [];
  const asked: string[] = [];
  /** What the next requests end with. */
  const faults: (Failure | undefined)[] = [];
  const ask = (what: string) => {
    asked.push(what);
    const fault = faults.shift();
    if (fault) throw fault;
  };
  const provider: PaymentProvider = {
    name: "stripe",
    async createCheckout({ orderId, amountNanos, currency }: CheckoutRequest) {
      ask(`create ${orderId}`);
      const checkout: Checkout = {
        ...{
          sessionId: `cs ${orderId}`,
          orderId,
          url: "https://pay",
          amountNanos,
          currency,
          paymentId: "",
          state: "open",
        },
      };
      checkouts.set(checkout.sessionId, checkout);
      return checkout;
    },
    async findCheckout(sessionId) {
      ask(`find ${sessionId}`);
      return checkouts.get(sessionId);
    },
    async findCheckoutOfPayment(paymentId) {
      ask(`find of ${paymentId}`);
      return [...checkouts.values()].find((one) => one.paymentId === paymentId);
    },
    async refund({ refundId, paymentId, amountNanos, currency }: RefundRequest) {
      ask(`refund ${refundId.slice(0, 4)} of ${paymentId} ${amountNanos} ${currency}`);
      const refund: ProviderRefund = { providerRefundId: `re ${refundId}`, refundId, amountNanos, state: "paid" };
      refunds.push(refund);
      return refund;
    },
    async listRefunds(paymentId) {
      ask(`list of ${paymentId}`);
      return refunds;
    },
    readEvent() {
      throw new Error("no test asks for it");
    },
    close: async () => undefined,
  };
  return {
    ...{ provider, checkouts, refunds, faults },
    takeAsked: () => asked.splice(0),
    isAway: () => new Failure(billingFailures.payment_provider_failed),
    saysNo: () => new Failure(billingFailures.payment_refused, { reason: "declined" }),
  };
}

/** Payments on tables in memory, of a tenant with so much money. */
export async function startPayments(balanceNanos = 0n) {
  const world = await startCredit(balanceNanos);
  const fake = createFakeProvider();
  const orders = new Map<string, Order & { readonly nextPollAt: Date | null }>();
  const events = new Set<string>();
  const refunds = new Map<string, PaymentRefund & { readonly nextTryAt: Date | null }>();
  const reversals = new Map<string, Reversal>();
  const logged: unknown[] = [];

  const orderStore: Partial<OrderStore> = {
    async insertOrder(_tx, order) {
      const begun = { state: "created", sessionId: null, checkoutUrl: null, paymentId: null, endedAt: null } as const;
      orders.set(order.orderId, { ...order, ...begun });
    },
    countOpenOrders: async (_tx, tenantId, limit) =>
      Math.min(
        limit,
        [...orders.values()].filter(
          (one) => one.tenantId === tenantId && (one.state === "created" || one.state === "pending"),
        ).length,
      ),
    findOrder: async (orderId) => orders.get(orderId),
    findOrderByPayment: async (provider, paymentId) =>
      [...orders.values()].find((one) => one.provider === provider && one.paymentId === paymentId),
    lockOrder: async (_tx, orderId) => orders.get(orderId),
    async updateOrder(_tx, change) {
      const order = orders.get(change.orderId);
      if (order) orders.set(change.orderId, { ...order, ...change });
    },
    async expireOrder(_tx, orderId, endedAt) {
      const order = orders.get(orderId);
      if (order?.state === "created") orders.set(orderId, { ...order, state: "expired", endedAt });
    },
    takeDueOrders: async (_tx, now, limit) =>
      [...orders.values()].filter(({ nextPollAt }) => nextPollAt !== null && nextPollAt <= now).slice(0, limit),
    async insertEvent(_tx, { provider, eventId }) {
      const isNew = !events.has(`${provider} ${eventId}`);
      events.add(`${provider} ${eventId}`);
      return isNew;
    },
    listOrders: async ({ tenantId, state, afterId, limit }) =>
      [...orders.values()]
        .filter((one) => (tenantId === undefined || one.tenantId === tenantId) && (!state || one.state === state))
        .filter(({ orderId }) => afterId === undefined || orderId < afterId)
        .toSorted((a, b) => (a.orderId < b.orderId ? 1 : -1))
        .slice(0, limit),
  };
  const sum = (amounts: readonly { readonly amountNanos: bigint }[]) =>
    amounts.reduce((total, { amountNanos }) => total + amountNanos, 0n);
  const refundStore: Partial<RefundStore> = {
    findRefund: async (_tx, orderId, reference) =>
      [...refunds.values()].find((one) => one.orderId === orderId && one.reference === reference),
    findRefundById: async (refundId) => refunds.get(refundId),
    async getRefund(refundId) {
      const refund = refunds.get(refundId);
      if (!refund) throw new Error(`there is no refund ${refundId}`);
      return refund;
    },
    lockRefund: async (_tx, refundId) => refunds.get(refundId),
    insertRefund: async (_tx, refund, nextTryAt) => void refunds.set(refund.refundId, { ...refund, nextTryAt }),
    async endRefund(_tx, refundId, state, endedAt) {
      const refund = refunds.get(refundId);
      if (refund) refunds.set(refundId, { ...refund, state, endedAt, nextTryAt: null });
    },
    takeDueRefunds: async (_tx, now, limit) =>
      [...refunds.values()].filter(({ nextTryAt }) => nextTryAt !== null && nextTryAt <= now).slice(0, limit),
    getReturned: async (_tx, orderId) =>
      sum([...refunds.values()].filter((one) => one.orderId === orderId && one.state !== "failed")) +
      sum([...reversals.values()].filter((one) => one.orderId === orderId && one.state !== "won")),
    async insertReversal(_tx, reversal) {
      const isNew = !reversals.has(reversal.reversalId);
      if (isNew) reversals.set(reversal.reversalId, reversal);
      return isNew;
    },
    async closeReversal(_tx, { reversalId }, state) {
      const known = reversals.get(reversalId);
      if (!known || known.state === state) return false;
      if (known.state !== "open" && !(known.state === "lost" && known.kind === "refund")) return false;
      reversals.set(reversalId, { ...known, state });
      return true;
    },
  };
  /** By operation, scope and key of a request: what came of it. */
  const done = new Map<string, unknown>();
  const asked: unknown[] = [];
  const idempotency = {
    async run<T>(request: { operation: string; scope: string; input: object }, work: (tx: unknown) => Promise<T>) {
      asked.push([request.operation, request.scope]);
      const name = `${request.operation} ${request.scope} ${"key" in request.input ? request.input.key : ""}`;
      if (!done.has(name) || !("key" in request.input)) done.set(name, await world.tables.db.transaction(work));
      return done.get(name) as T;
    },
  };
  const deps = {
    ...{ ...world.deps, idempotency, orders: orderStore, refunds: refundStore, provider: fake.provider },
    settings: {
      ...{ returnOrigins: ["https://a.com"], minAmount: "1", maxAmount: "100", orderTtlMs: 3_600_000 },
      productName: "Prepaid",
    },
    log: pino(
      {},
      {
        write(line: string) {
          const { level, time, pid, hostname, err, ...rest } = JSON.parse(line);
          logged.push({ ...rest, ...(err && { err: err.type }) });
        },
      },
    ),
  } as unknown as PaymentDeps;
  return {
    ...{ ...world, ...fake, deps, orders, refundRows: refunds, reversals, events, logged },
    takeIdempotent: () => asked.splice(0),
    takeLogged: () => logged.splice(0),
  };
}

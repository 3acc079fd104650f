import assert from "node:assert/strict";
import { test } from "node:test";
import { findMismatch, isEnded, nextState, type Order, type OrderState } from "./payment-model.ts";
import type { Checkout, CheckoutState } from "./payment-provider.ts";

const states: readonly OrderState[] = ["created", "pending", "processing", "paid", "failed", "expired"];
const news: readonly CheckoutState[] = ["open", "processing", "paid", "failed", "expired"];

test("an order never goes back, whatever is told of it in whichever order, and paid has the last word", () => {
  const table = Object.fromEntries(states.map((state) => [state, news.map((told) => nextState(state, told))]));
  assert.deepEqual(table, {
    created: ["pending", "processing", "paid", "failed", "expired"],
    pending: ["pending", "processing", "paid", "failed", "expired"],
    processing: ["processing", "processing", "paid", "failed", "expired"],
    failed: ["failed", "failed", "paid", "failed", "failed"],
    expired: ["expired", "expired", "paid", "expired", "expired"],
    paid: ["paid", "paid", "paid", "paid", "paid"],
  });
  assert.deepEqual(states.filter(isEnded), ["paid", "failed", "expired"]);
});

test("B25: a checkout of another provider, order, session, currency or amount is not the order's", () => {
  const order: Order = {
    ...{ orderId: "ord_1", tenantId: "ten_1", walletId: "wal_1", userId: "usr_1", provider: "stripe", currency: "USD" },
    ...{ amountNanos: 5n, state: "pending", successUrl: "", cancelUrl: "", sessionId: "cs_1", checkoutUrl: null },
    ...{ paymentId: null, createdAt: new Date(0), expiresAt: new Date(1), endedAt: null },
  };
  const checkout: Checkout = {
    ...{ sessionId: "cs_1", orderId: "ord_1", url: "", amountNanos: 5n, currency: "USD", paymentId: "", state: "paid" },
  };
  const check = (more: Partial<Checkout>, of: Partial<Order> = {}) =>
    findMismatch({ ...order, ...of }, "stripe", { ...checkout, ...more });
  assert.equal(check({}), undefined);
  assert.equal(check({ sessionId: "cs_2" }, { sessionId: null }), undefined, "whose session is not known yet");
  assert.equal(findMismatch(order, "other", checkout), "provider");
  assert.equal(check({ orderId: "ord_2" }), "order");
  assert.equal(check({ sessionId: "cs_2" }), "session");
  assert.equal(check({ currency: "EUR" }), "currency");
  assert.equal(check({ amountNanos: 4n }), "amount");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "@lyss/kit/errors/failure.ts";
import { applyCheckout } from "@lyss/services/billing/payments/apply-checkout.ts";
import { type CreateOrderInput, createOrder } from "@lyss/services/billing/payments/create-order.ts";
import { getOrder, listOrders } from "@lyss/services/billing/payments/list-orders.ts";
import { requireProvider } from "@lyss/services/billing/payments/payment-deps.ts";
import type { Checkout } from "@lyss/services/billing/payments/payment-provider.ts";
import { pollOrders } from "@lyss/services/billing/payments/poll-orders.ts";
import { startMs } from "./memory-batch.ts";
import { outcomeOf } from "./memory-credit.ts";
import { dollar, startPayments } from "./memory-payments.ts";

const input: CreateOrderInput = {
  ...{ tenantId: "ten_1", userId: "usr_1", amountNanos: 5n * dollar, currency: "USD" },
  ...{ successUrl: "https://a.com/paid?x=1", cancelUrl: "https://a.com/" },
};

async function startOrders() {
  const world = await startPayments();
  const { deps, checkouts } = world;
  return {
    ...world,
    order: (more: object = {}) => createOrder(deps, { ...input, ...more }),
    tryOrder: (more: object = {}) => outcomeOf(createOrder(deps, { ...input, ...more })),
    checkoutOf(orderId: string, more: Partial<Checkout> = {}): Checkout {
      const checkout = checkouts.get(`cs ${orderId}`);
      assert.ok(checkout);
      const changed = { ...checkout, paymentId: "pi_1", ...more };
      checkouts.set(checkout.sessionId, changed);
      return changed;
    },
  };
}

test("an order is written down before its checkout is opened, and then says where to pay", async () => {
  const { order, orders, takeAsked, takeIdempotent } = await startOrders();
  const { orderId, ...made } = await order();
  assert.match(orderId, /^ord_/);
  assert.deepEqual(
    { ...made, nextPollAt: orders.get(orderId)?.nextPollAt },
    {
      ...{ tenantId: "ten_1", walletId: "wal_1", userId: "usr_1", provider: "stripe", currency: "USD" },
      ...{ amountNanos: 5n * dollar, state: "pending", successUrl: input.successUrl, cancelUrl: input.cancelUrl },
      ...{ sessionId: `cs ${orderId}`, checkoutUrl: "https://pay", paymentId: null, endedAt: null },
      ...{ createdAt: new Date(startMs), expiresAt: new Date(startMs + 3_600_000) },
      nextPollAt: new Date(startMs + 60_000),
    },
  );
  assert.deepEqual([takeAsked(), takeIdempotent()], [[`create ${orderId}`], [["createTopUpOrder", "ten_1"]]]);
});

test("a repeat with its key gives the same order, and opens the checkout only where that has failed before", async () => {
  const { order, tryOrder, faults, isAway, takeAsked, orders } = await startOrders();
  faults.push(isAway());
  assert.deepEqual(await tryOrder({ key: "k" }), { code: "billing.payment_provider_failed" });
  assert.equal([...orders.values()][0]?.state, "created");
  const made = await order({ key: "k" });
  assert.deepEqual([made.state, orders.size, takeAsked().length], ["pending", 1, 2]);
  assert.deepEqual([await order({ key: "k" }), takeAsked()], [made, []]);
});

test("an order is refused for another currency, an amount out of range or with parts of a cent, and a strange place to return to", async () => {
  const { tryOrder, takeAsked, orders } = await startOrders();
  const invalid = (field: string, reason: string, reason_zh_CN: string) => ({
    ...{ code: "kit.invalid_request", field, reason, reason_zh_CN },
  });
  assert.deepEqual(
    await tryOrder({ currency: "EUR" }),
    invalid("currency", "must be USD, the wallet's currency", "必须是钱包的货币 USD"),
  );
  const range = { code: "billing.amount_out_of_range", minimum: "1", maximum: "100", currency: "USD" };
  for (const amountNanos of [dollar - 1n, 100n * dollar + 1n]) assert.deepEqual(await tryOrder({ amountNanos }), range);
  assert.deepEqual(
    await tryOrder({ amountNanos: dollar + 1n }),
    invalid("amount", "must have at most two decimals", "最多两位小数"),
  );
  for (const url of ["https://b.com/", "a.com", "http://a.com", ""]) {
    assert.deepEqual(await tryOrder({ successUrl: url }), { code: "billing.return_url_refused", field: "success_url" });
    assert.deepEqual(await tryOrder({ cancelUrl: url }), { code: "billing.return_url_refused", field: "cancel_url" });
  }
  assert.deepEqual(await tryOrder({ tenantId: "ten_x" }), { code: "billing.wallet_not_found" });
  assert.deepEqual([takeAsked(), orders.size], [[], 0]);
  for (const amountNanos of [dollar, 100n * dollar]) assert.ok("orderId" in (await tryOrder({ amountNanos })));
});

test("a tenant has at most twenty open orders, and where no provider is configured none", async () => {
  const { order, tryOrder, deps } = await startOrders();
  for (let i = 0; i < 20; i++) await order();
  assert.deepEqual(await tryOrder(), { code: "billing.too_many_orders", maximum: 20 });
  assert.ok("orderId" in (await tryOrder({ tenantId: "ten_2" })));
  const none = { ...deps, provider: undefined };
  assert.deepEqual(await outcomeOf(createOrder(none, input)), { code: "billing.payments_not_offered" });
  assert.throws(
    () => requireProvider(none),
    (err: Failure) => err.type.code === "billing.payments_not_offered",
  );
});

test("an order that is paid is credited, once, with its debt paid first, and its tenant is told", async () => {
  const { order, owe, deps, checkoutOf, moneyOf, postings, eventsOf, takeWoken, entriesOf } = await startOrders();
  const { orderId } = await order();
  await owe(dollar);
  const paid = checkoutOf(orderId, { state: "paid", url: "" });
  takeWoken();
  await applyCheckout(deps, paid, { eventId: "evt_1", type: "t" });
  assert.deepEqual([moneyOf(), entriesOf("receivable:wal_1"), takeWoken()], [[4n * dollar, 0n], 0n, ["ten_1"]]);
  const [, credit] = postings();
  assert.deepEqual([credit?.kind, credit?.reference], ["payment", orderId]);
  assert.deepEqual(credit?.entries[0], { account: "funding:stripe", amountNanos: -5n * dollar });
  const facts = { orderId, tenantId: "ten_1", walletId: "wal_1", provider: "stripe", currency: "USD" };
  assert.deepEqual(eventsOf("billing.top_up.completed"), [{ ...facts, amountNanos: 5n * dollar }]);
  const known = await getOrder(deps, { orderId });
  assert.deepEqual(
    [known.state, known.paymentId, known.endedAt, known.checkoutUrl],
    ["paid", "pi_1", new Date(startMs), "https://pay"],
  );
  for (const eventId of ["evt_1", "evt_2"]) await applyCheckout(deps, paid, { eventId, type: "t" });
  await applyCheckout(deps, paid);
  assert.deepEqual([moneyOf(), takeWoken()], [[4n * dollar, 0n], []]);
});

test("what a checkout says moves an order forward only, and keeps what it does not say", async () => {
  const { order, deps, checkoutOf, moneyOf, takeWoken } = await startOrders();
  const { orderId } = await order();
  const stateAfter = async (more: Partial<Checkout>) => {
    await applyCheckout(deps, checkoutOf(orderId, more));
    const { state, endedAt, paymentId } = await getOrder(deps, { orderId });
    return [state, endedAt !== null, paymentId];
  };
  assert.deepEqual(await stateAfter({ state: "processing", paymentId: "pi_1" }), ["processing", false, "pi_1"]);
  assert.deepEqual(await stateAfter({ state: "open", paymentId: "pi_2" }), ["processing", false, "pi_1"]);
  assert.deepEqual(await stateAfter({ state: "failed", paymentId: "" }), ["failed", true, "pi_1"]);
  assert.deepEqual(await stateAfter({ state: "expired" }), ["failed", true, "pi_1"]);
  assert.deepEqual([moneyOf(), takeWoken()], [[0n, 0n], []]);
  assert.deepEqual(await stateAfter({ state: "paid", paymentId: "pi_3" }), ["paid", true, "pi_3"]);
  assert.deepEqual(moneyOf(), [5n * dollar, 0n]);
});

test("an event that came before changes nothing, whatever it says by now", async () => {
  const { order, deps, checkoutOf, moneyOf } = await startOrders();
  const { orderId } = await order();
  await applyCheckout(deps, checkoutOf(orderId, { state: "processing" }), { eventId: "evt_1", type: "t" });
  await applyCheckout(deps, checkoutOf(orderId, { state: "paid" }), { eventId: "evt_1", type: "t" });
  assert.deepEqual([(await getOrder(deps, { orderId })).state, moneyOf()], ["processing", [0n, 0n]]);
  await applyCheckout(deps, checkoutOf(orderId, { state: "paid" }), { eventId: "evt_2", type: "t" });
  assert.deepEqual(moneyOf(), [5n * dollar, 0n]);
});

test("a payment that does not fit its order credits nothing, and is told; one that names no order is none of ours", async () => {
  const { order, deps, checkoutOf, moneyOf, takeLogged } = await startOrders();
  const { orderId } = await order();
  const fits = checkoutOf(orderId, { state: "paid" });
  const cases: readonly (readonly [Partial<Checkout>, string])[] = [
    [{ sessionId: "cs_other" }, "session"],
    [{ currency: "EUR" }, "currency"],
    [{ amountNanos: 5n * dollar - 1n }, "amount"],
  ];
  for (const [more, field] of cases) {
    const checkout = { ...fits, ...more };
    assert.deepEqual(await outcomeOf(applyCheckout(deps, checkout)), { code: "billing.payment_mismatch", field });
    assert.deepEqual(takeLogged(), [
      {
        ...{ order_id: orderId, field, session: checkout.sessionId },
        msg: "a payment does not fit its order; nothing is credited",
      },
    ]);
  }
  assert.deepEqual(await outcomeOf(applyCheckout(deps, { ...fits, orderId: "ord_x" })), {
    code: "billing.order_not_found",
  });
  await applyCheckout(deps, { ...fits, orderId: "" });
  assert.deepEqual(moneyOf(), [0n, 0n]);
});

test("an order whose wallet or row is gone by the time of the lock is not found, and nothing is credited", async () => {
  const { order, deps, checkoutOf, moneyOf } = await startOrders();
  const { orderId } = await order();
  const paid = checkoutOf(orderId, { state: "paid" });
  const gone = { code: "billing.order_not_found" };
  const orders = { ...deps.orders, lockOrder: async () => undefined };
  assert.deepEqual(await outcomeOf(applyCheckout({ ...deps, orders }, paid)), gone);
  const journal = { ...deps.journal, lockWallets: async () => [] };
  assert.deepEqual(await outcomeOf(applyCheckout({ ...deps, journal }, paid)), gone);
  assert.deepEqual(moneyOf(), [0n, 0n]);
});

test("orders are found by their own tenant only, and listed page by page, newest first", async () => {
  const { order, deps, clock } = await startOrders();
  const ids: string[] = [];
  for (const tenantId of ["ten_1", "ten_1", "ten_2", "ten_1"]) {
    ids.push((await order({ tenantId })).orderId);
    clock.advance(1);
  }
  const [first = "", second = "", other = "", third = ""] = ids;
  assert.equal((await getOrder(deps, { orderId: other, tenantId: "ten_2" })).orderId, other);
  for (const asked of [{ orderId: other, tenantId: "ten_1" }, { orderId: "ord_x" }]) {
    assert.deepEqual(await outcomeOf(getOrder(deps, asked)), { code: "billing.order_not_found" });
  }
  const page = await listOrders(deps, { tenantId: "ten_1", limit: 2 });
  assert.deepEqual(
    page.rows.map(({ orderId }) => orderId),
    [third, second],
  );
  const next = await listOrders(deps, { tenantId: "ten_1", limit: 2, cursor: page.nextCursor });
  assert.deepEqual([next.rows.map(({ orderId }) => orderId), next.nextCursor], [[first], undefined]);
  assert.equal((await listOrders(deps, { tenantId: undefined, state: "pending", limit: 9 })).rows.length, 4);
  assert.equal((await listOrders(deps, { tenantId: undefined, state: "paid", limit: 9 })).rows.length, 0);
});

test("an order of which nothing was said is asked for, and what is answered counts as if it had been said", async () => {
  const { order, deps, clock, checkoutOf, moneyOf, takeAsked } = await startOrders();
  const { orderId } = await order();
  checkoutOf(orderId, { state: "paid" });
  takeAsked();
  const signal = new AbortController().signal;
  clock.advance(59_999);
  await pollOrders(deps, signal);
  assert.deepEqual([takeAsked(), moneyOf()], [[], [0n, 0n]]);
  clock.advance(1);
  await pollOrders(deps, signal);
  assert.deepEqual([takeAsked(), moneyOf()], [[`find cs ${orderId}`], [5n * dollar, 0n]]);
});

test("an order of which its provider never heard ends with its time; one of another provider is left alone", async () => {
  const { tryOrder, orders, deps, clock, faults, isAway, takeAsked } = await startOrders();
  faults.push(isAway());
  await tryOrder();
  const [order] = orders.values();
  assert.ok(order);
  takeAsked();
  const stateAfter = async (durationMs: number) => {
    clock.advance(durationMs);
    await pollOrders(deps, new AbortController().signal);
    return orders.get(order.orderId)?.state;
  };
  assert.equal(await stateAfter(3_599_999), "created");
  orders.set(order.orderId, { ...order, provider: "other" });
  assert.equal(await stateAfter(1), "created");
  orders.set(order.orderId, order);
  assert.equal(await stateAfter(0), "expired");
  assert.equal(orders.get(order.orderId)?.endedAt?.getTime(), startMs + 3_600_000);
  assert.deepEqual(takeAsked(), []);
});

test("one order that cannot be asked for is told and holds up no other; without a provider, or when it is to stop, none is", async () => {
  const { order, deps, clock, checkouts, checkoutOf, faults, isAway, moneyOf, takeLogged, takeAsked } =
    await startOrders();
  const [first, second, third] = [await order(), await order(), await order()];
  checkouts.delete(`cs ${second.orderId}`);
  checkoutOf(third.orderId, { state: "paid" });
  clock.advance(60_000);
  takeAsked();
  const aborted = new AbortController();
  aborted.abort();
  await pollOrders(deps, aborted.signal);
  await pollOrders({ ...deps, provider: undefined }, new AbortController().signal);
  assert.deepEqual(takeAsked(), []);
  const asked: unknown[] = [];
  const { takeDueOrders } = deps.orders;
  deps.orders.takeDueOrders = (tx, now, limit) => {
    asked.push([now.getTime() - startMs, limit]);
    return takeDueOrders(tx, now, limit);
  };
  faults.push(isAway());
  await pollOrders(deps, new AbortController().signal);
  assert.deepEqual([moneyOf(), asked], [[5n * dollar, 0n], [[60_000, 50]]]);
  assert.deepEqual(takeLogged(), [
    { err: "Failure", order_id: first.orderId, msg: "an order could not be compared with its provider" },
  ]);
});

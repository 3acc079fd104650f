import assert from "node:assert/strict";
import { test } from "node:test";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { applyCheckout } from "@lyss/services/billing/payments/apply-checkout.ts";
import { applyReversal } from "@lyss/services/billing/payments/apply-reversal.ts";
import { createOrder } from "@lyss/services/billing/payments/create-order.ts";
import type { ProviderRefund, ReversalNews } from "@lyss/services/billing/payments/payment-provider.ts";
import {
  applyRefundNews,
  type RefundOrderInput,
  refundOrder,
  retryRefunds,
} from "@lyss/services/billing/payments/refund-order.ts";
import { startMs, tx } from "./memory-batch.ts";
import { outcomeOf } from "./memory-credit.ts";
import { dollar, startPayments } from "./memory-payments.ts";

/** A tenant that has paid five dollars, for an order named `orderId`. */
async function startPaid(balanceNanos = 0n, isPaid = true) {
  const world = await startPayments(balanceNanos);
  const { deps, checkouts, orders, takeAsked, takeWoken, postings } = world;
  const { orderId } = await createOrder(deps, {
    ...{ tenantId: "ten_1", userId: "usr_1", amountNanos: 5n * dollar, currency: "USD" },
    ...{ successUrl: "https://a.com/", cancelUrl: "https://a.com/" },
  });
  const sessionId = `cs ${orderId}`;
  const checkout = checkouts.get(sessionId);
  assert.ok(checkout);
  checkouts.set(sessionId, { ...checkout, paymentId: "pi_1", state: "paid" });
  if (isPaid) await applyCheckout(deps, { ...checkout, paymentId: "pi_1", state: "paid" });
  takeAsked();
  takeWoken();
  const before = postings().length;
  const order = () => {
    const found = orders.get(orderId);
    assert.ok(found);
    return found;
  };
  return {
    ...{ ...world, orderId, order },
    posted: () =>
      postings()
        .slice(before)
        .map(({ kind, entries }) => [
          kind,
          Object.fromEntries(entries.map(({ account, amountNanos }) => [account, amountNanos])),
        ]),
    refund: (amountNanos: bigint | undefined, more: Partial<RefundOrderInput> = {}) =>
      outcomeOf(
        refundOrder(deps, { orderId, amountNanos, reference: "r1", reason: "sorry", userId: "usr_9", ...more }),
      ),
    reverse: (news: Partial<ReversalNews> & Pick<ReversalNews, "kind">) =>
      outcomeOf(applyReversal(deps, { paymentId: "pi_1", ...news } as ReversalNews)),
    retry: () => retryRefunds(deps, new AbortController().signal),
  };
}

const [own, aside, stripe, debt] = ["wallet:wal_1", "refund:pending", "funding:stripe", "receivable:wal_1"];

test("a refund leaves the wallet first, then the provider is asked, and when it is paid the money is no longer ours", async () => {
  const { refund, posted, moneyOf, takeAsked, eventsOf, takeWoken, orderId } = await startPaid();
  const { refundId, ...made } = (await refund(2n * dollar)) as Record<string, unknown>;
  assert.match(String(refundId), /^prf_/);
  assert.deepEqual(made, {
    ...{ orderId, tenantId: "ten_1", reference: "r1", reason: "sorry", createdBy: "usr_9", currency: "USD" },
    ...{ amountNanos: 2n * dollar, state: "paid", createdAt: new Date(startMs), endedAt: new Date(startMs) },
    nextTryAt: null,
  });
  assert.deepEqual([moneyOf(), takeWoken()], [[3n * dollar, 0n], []]);
  assert.deepEqual(posted(), [
    ["payment_refund", { [own]: -2n * dollar, [aside]: 2n * dollar }],
    ["payment_refund_paid", { [aside]: -2n * dollar, [stripe]: 2n * dollar }],
  ]);
  assert.deepEqual(takeAsked(), [`refund prf_ of pi_1 ${2n * dollar} USD`]);
  const facts = { refundId, orderId, tenantId: "ten_1", walletId: "wal_1", currency: "USD", reason: "sorry" };
  assert.deepEqual(eventsOf("billing.refund.completed"), [{ ...facts, amountNanos: 2n * dollar }]);
});

test("no more goes back than was paid and not returned yet, in whole cents; without an amount it is all of that", async () => {
  const { refund, moneyOf } = await startPaid(7n * dollar);
  await refund(2n * dollar);
  const refused = { code: "billing.refund_too_large", maximum: "3", currency: "USD" };
  for (const amount of [3n * dollar + 10_000_000n, 0n, -dollar, dollar + 1n]) {
    assert.deepEqual(await refund(amount, { reference: "r2" }), refused);
  }
  assert.equal(((await refund(undefined, { reference: "r2" })) as { amountNanos: bigint }).amountNanos, 3n * dollar);
  assert.deepEqual(await refund(undefined, { reference: "r3" }), { ...refused, maximum: "0" });
  assert.deepEqual(moneyOf(), [7n * dollar, 0n]);
});

test("the same reference refunds once, whatever is left; it is never another amount's", async () => {
  const { refund, moneyOf, takeAsked } = await startPaid();
  const made = await refund(5n * dollar);
  takeAsked();
  assert.deepEqual([await refund(5n * dollar), await refund(undefined), takeAsked()], [made, made, []]);
  assert.deepEqual(await refund(dollar), { code: "billing.reference_reused", reference: "r1" });
  assert.deepEqual(moneyOf(), [0n, 0n]);
});

test("an order that was not paid, is not known or has lost its wallet gives nothing back, and without a provider none does", async () => {
  const { refund, deps, takeAsked } = await startPaid(9n * dollar, false);
  assert.deepEqual(await refund(dollar), { code: "billing.refund_too_large", maximum: "0", currency: "USD" });
  const gone = { code: "billing.order_not_found" };
  assert.deepEqual(await refund(dollar, { orderId: "ord_x" }), gone);
  const { lockOrder } = deps.orders;
  deps.orders.lockOrder = async () => undefined;
  assert.deepEqual(await refund(dollar), gone);
  Object.assign(deps.orders, { lockOrder });
  Object.assign(deps, { journal: { ...deps.journal, lockWallets: async () => [] } });
  assert.deepEqual(await refund(dollar), gone);
  Object.assign(deps, { provider: undefined });
  assert.deepEqual([await refund(dollar), takeAsked()], [{ code: "billing.payments_not_offered" }, []]);
});

test("granted credit and what is lent or held are not paid out", async () => {
  const unavailable = (available: string) => ({
    ...{ code: "billing.amount_unavailable", requested: "5", available, currency: "USD" },
  });
  const granted = await startPaid();
  await granted.post("charge", own, accounts.revenue, dollar);
  const at = new Date(startMs);
  granted.grants.set("grt_1", {
    ...{ grantId: "grt_1", walletId: "wal_1", tenantId: "ten_1", reference: "g", reason: "", createdBy: "" },
    ...{ amountNanos: dollar, leftNanos: dollar, spentMarkNanos: dollar, expiredNanos: 0n, expiries: 0 },
    ...{ expiresAt: new Date(startMs + 1_000), createdAt: at, endedAt: null },
  });
  assert.deepEqual(await granted.refund(undefined), unavailable("3"));

  const lent = await startPaid();
  await lent.post("credit_limit", accounts.overdraft("wal_1"), own, 3n * dollar);
  await lent.tables.creditLimitStore.updateCreditLimit(tx, "wal_1", 3n * dollar);
  await lent.post("charge", own, accounts.revenue, dollar);
  assert.deepEqual(await lent.refund(undefined), unavailable("4"));
  const [wallet] = await lent.options.journal.lockWallets(tx, ["ten_1"], "USD");
  assert.ok(wallet);
  const held = { ...wallet, heldNanos: dollar };
  await lent.options.journal.write(tx, { before: [wallet], after: [held], postings: [] });
  assert.deepEqual(await lent.refund(undefined), unavailable("3"));
  assert.ok("refundId" in (await lent.refund(3n * dollar)));
});

test("a refund that the provider turns down comes back to the wallet, debts first, and waiting calls are woken", async () => {
  const { refund, faults, saysNo, posted, moneyOf, eventsOf, owe, takeWoken, orderId } = await startPaid();
  await owe(dollar);
  faults.push(saysNo());
  const failed = (await refund(2n * dollar)) as Record<string, unknown>;
  assert.equal(failed["state"], "failed");
  assert.deepEqual([moneyOf(), takeWoken()], [[4n * dollar, 0n], ["ten_1"]]);
  assert.deepEqual(posted().at(-1), [
    "payment_refund_failed",
    { [aside]: -2n * dollar, [debt]: dollar, [own]: dollar },
  ]);
  const [event] = eventsOf("billing.refund.failed");
  assert.deepEqual(
    [event?.["refundId"], event?.["orderId"], event?.["amountNanos"]],
    [failed["refundId"], orderId, 2n * dollar],
  );
});

test("where the answer is lost the money stays aside, and the provider is asked again: what it has done is not done twice", async () => {
  const { refund, retry, faults, isAway, clock, refunds, moneyOf, takeAsked, takeLogged, refundRows } =
    await startPaid();
  faults.push(isAway());
  const { refundId, state } = (await refund(2n * dollar)) as { refundId: string; state: string };
  assert.deepEqual([state, moneyOf()], ["pending", [3n * dollar, 0n]]);
  takeAsked();
  clock.advance(59_999);
  await retry();
  assert.deepEqual(takeAsked(), []);
  clock.advance(1);
  faults.push(isAway());
  await retry();
  assert.deepEqual(
    [takeAsked(), takeLogged()],
    [["list of pi_1"], [{ err: "Failure", refund_id: refundId, msg: "a refund could not be resolved yet" }]],
  );
  refunds.push({ providerRefundId: "re_0", refundId: "prf_other", amountNanos: dollar, state: "failed" });
  refunds.push({ providerRefundId: "re_1", refundId, amountNanos: 2n * dollar, state: "pending" });
  await retry();
  assert.deepEqual([takeAsked(), refundRows.get(refundId)?.state], [["list of pi_1"], "pending"]);
  refunds[1] = { providerRefundId: "re_1", refundId, amountNanos: 2n * dollar, state: "paid" };
  await retry();
  assert.deepEqual([takeAsked(), refundRows.get(refundId)?.state], [["list of pi_1"], "paid"]);
  await retry();
  assert.deepEqual(takeAsked(), []);
});

test("a refund of which the provider never heard is asked for again; an error that is no answer of its is thrown", async () => {
  const { refund, retry, faults, isAway, clock, takeAsked, refundRows, deps } = await startPaid();
  faults.push(isAway());
  const { refundId } = (await refund(dollar)) as { refundId: string };
  takeAsked();
  clock.advance(60_000);
  await retry();
  assert.deepEqual(
    [takeAsked(), refundRows.get(refundId)?.state],
    [["list of pi_1", `refund prf_ of pi_1 ${dollar} USD`], "paid"],
  );
  faults.push(new TypeError("a bug") as never);
  const input = { orderId: refundRows.get(refundId)?.orderId ?? "", amountNanos: dollar, reference: "r2" };
  await assert.rejects(refundOrder(deps, { ...input, reason: "", userId: "" }), /a bug/);
});

test("of refunds no more than fifty are asked for in a run, none once it is to stop, and none without a provider", async () => {
  const { refund, faults, isAway, clock, takeAsked, takeLogged, deps } = await startPaid();
  faults.push(isAway());
  await refund(dollar);
  clock.advance(60_000);
  takeAsked();
  const aborted = new AbortController();
  aborted.abort();
  await retryRefunds(deps, aborted.signal);
  await retryRefunds({ ...deps, provider: undefined }, new AbortController().signal);
  assert.deepEqual([takeAsked(), takeLogged()], [[], []]);
  const limits: unknown[] = [];
  deps.refunds.takeDueRefunds = async (_tx, now, limit) => {
    limits.push([now.getTime() - startMs, limit]);
    return [];
  };
  await retryRefunds(deps, new AbortController().signal);
  assert.deepEqual(limits, [[60_000, 50]]);
});

test("a refund that was paid and then turned down comes back once; news of another order's or amount's change nothing", async () => {
  const { refund, deps, order, posted, moneyOf, takeWoken, refundRows } = await startPaid();
  const { refundId } = (await refund(2n * dollar)) as { refundId: string };
  const news = (more: Partial<ProviderRefund> = {}) =>
    applyRefundNews(deps, order(), {
      ...{ providerRefundId: "re_1", refundId, amountNanos: 2n * dollar, state: "failed", ...more },
    });
  await news({ state: "pending" });
  await news({ refundId: "prf_x" });
  await news({ amountNanos: dollar });
  await applyRefundNews(
    deps,
    { ...order(), orderId: "ord_x" },
    {
      ...{ providerRefundId: "re_1", refundId, amountNanos: 2n * dollar, state: "failed" },
    },
  );
  await news({ state: "paid" });
  assert.deepEqual([moneyOf(), posted().length, takeWoken()], [[3n * dollar, 0n], 2, []]);
  await news();
  await news();
  await news({ state: "paid" });
  assert.deepEqual([moneyOf(), refundRows.get(refundId)?.state], [[5n * dollar, 0n], "failed"]);
  assert.deepEqual(posted().slice(2), [["payment_refund_failed", { [stripe]: -2n * dollar, [own]: 2n * dollar }]]);
  assert.deepEqual(takeWoken(), ["ten_1", "ten_1"]);
});

test("news that a refund is still on its way change nothing: the money stays aside", async () => {
  const { refund, deps, order, faults, isAway, posted, moneyOf, refundRows } = await startPaid();
  faults.push(isAway());
  const { refundId } = (await refund(2n * dollar)) as { refundId: string };
  const news = { providerRefundId: "re_1", refundId, amountNanos: 2n * dollar, state: "pending" } as const;
  await applyRefundNews(deps, order(), news);
  assert.deepEqual([refundRows.get(refundId)?.state, posted().length, moneyOf()], ["pending", 1, [3n * dollar, 0n]]);
});

test("a refund whose wallet or row is gone by the time of the lock is left alone", async () => {
  const { refund, deps, order, posted } = await startPaid();
  const { refundId } = (await refund(2n * dollar)) as { refundId: string };
  const news = { providerRefundId: "re_1", refundId, amountNanos: 2n * dollar, state: "failed" } as const;
  await applyRefundNews({ ...deps, journal: { ...deps.journal, lockWallets: async () => [] } }, order(), news);
  await applyRefundNews({ ...deps, refunds: { ...deps.refunds, lockRefund: async () => undefined } }, order(), news);
  assert.equal(posted().length, 2);
});

const disputeOf = (state: "open" | "won" | "lost", amountNanos = 2n * dollar, currency = "USD") =>
  ({ kind: "dispute", reversalId: "dp_1", amountNanos, currency, state }) as const;

test("a dispute takes the money back at once; what the wallet has not available, its tenant owes", async () => {
  const { reverse, posted, moneyOf, eventsOf, post, orderId, takeWoken, reversals } = await startPaid();
  await post("charge", own, accounts.revenue, 4n * dollar);
  await reverse(disputeOf("open"));
  await reverse(disputeOf("open"));
  assert.deepEqual(posted().slice(1), [["charge_back", { [own]: -dollar, [debt]: -dollar, [stripe]: 2n * dollar }]]);
  assert.deepEqual([moneyOf(), takeWoken()], [[0n, 0n], []]);
  const facts = { reversalId: "dp_1", orderId, tenantId: "ten_1", walletId: "wal_1", currency: "USD" };
  const amounts = { amountNanos: 2n * dollar, takenNanos: dollar, owedNanos: dollar, isWon: false };
  assert.deepEqual(eventsOf("billing.charge_back.recorded"), [{ ...facts, ...amounts }]);
  assert.deepEqual(reversals.get("dp_1"), {
    ...{ provider: "stripe", reversalId: "dp_1", orderId, kind: "dispute", amountNanos: 2n * dollar, state: "open" },
    createdAt: new Date(startMs),
  });
});

test("a dispute that is won gives the money back, debts first; one that is lost moves nothing more; each ends once", async () => {
  const won = await startPaid();
  await won.post("charge", own, accounts.revenue, 4n * dollar);
  await won.reverse(disputeOf("open"));
  for (let time = 0; time < 2; time++) await won.reverse(disputeOf("won"));
  assert.deepEqual(won.posted().slice(2), [
    ["charge_back_won", { [stripe]: -2n * dollar, [debt]: dollar, [own]: dollar }],
  ]);
  assert.deepEqual([won.moneyOf(), won.takeWoken()[0]], [[dollar, 0n], "ten_1"]);
  assert.equal(won.eventsOf("billing.charge_back.recorded")[1]?.["isWon"], true);
  await won.reverse(disputeOf("lost"));
  assert.equal(won.posted().length, 3);

  const lost = await startPaid();
  await lost.reverse(disputeOf("open"));
  await lost.reverse(disputeOf("lost"));
  await lost.reverse(disputeOf("won"));
  assert.deepEqual([lost.posted().length, lost.moneyOf()], [1, [3n * dollar, 0n]]);
  const late = await startPaid();
  await late.reverse(disputeOf("won"));
  await late.reverse(disputeOf("open"));
  assert.deepEqual([late.posted(), late.moneyOf()], [[], [5n * dollar, 0n]]);
});

test("what is taken back of a wallet ends grants that are no longer covered", async () => {
  const { reverse, grants } = await startPaid();
  grants.set("grt_1", {
    ...{ grantId: "grt_1", walletId: "wal_1", tenantId: "ten_1", reference: "g", reason: "", createdBy: "" },
    ...{ amountNanos: 4n * dollar, leftNanos: 4n * dollar, spentMarkNanos: 0n, expiredNanos: 0n, expiries: 0 },
    ...{ expiresAt: new Date(startMs + 1_000), createdAt: new Date(startMs), endedAt: null },
  });
  await reverse(disputeOf("open"));
  assert.equal(grants.get("grt_1")?.leftNanos, 3n * dollar);
});

test("a dispute in another currency is refused, and one of a wallet that is gone is tried again", async () => {
  const { reverse, deps, moneyOf } = await startPaid();
  assert.deepEqual(await reverse(disputeOf("open", dollar, "EUR")), {
    ...{ code: "billing.payment_mismatch", field: "currency" },
  });
  Object.assign(deps, { journal: { ...deps.journal, lockWallets: async () => [] } });
  assert.deepEqual(await reverse(disputeOf("open")), { code: "billing.wallet_not_found" });
  assert.deepEqual(moneyOf(), [5n * dollar, 0n]);
});

test("refunds that were made at the provider by hand are taken back as they are now; ours are known by their names", async () => {
  const { reverse, refund, refunds, posted, moneyOf, takeAsked, reversals } = await startPaid();
  const { refundId } = (await refund(dollar)) as { refundId: string };
  refunds.splice(0);
  takeAsked();
  refunds.push({ providerRefundId: "re_own", refundId, amountNanos: dollar, state: "failed" });
  refunds.push({ providerRefundId: "re_1", refundId: "", amountNanos: 2n * dollar, state: "pending" });
  refunds.push({ providerRefundId: "re_2", refundId: "", amountNanos: dollar, state: "failed" });
  await reverse({ kind: "refund" });
  assert.deepEqual(takeAsked(), ["list of pi_1"]);
  assert.deepEqual(
    posted()
      .slice(2)
      .map(([kind]) => kind),
    ["payment_refund_failed", "charge_back"],
  );
  assert.deepEqual(moneyOf(), [3n * dollar, 0n]);
  assert.deepEqual(
    [...reversals.values()].map(({ reversalId, kind, state }) => [reversalId, kind, state]),
    [
      ["re_1", "refund", "lost"],
      ["re_2", "refund", "won"],
    ],
  );
  refunds[1] = { providerRefundId: "re_1", refundId: "", amountNanos: 2n * dollar, state: "failed" };
  await reverse({ kind: "refund" });
  assert.deepEqual([posted().at(-1)?.[0], moneyOf()], ["charge_back_won", [5n * dollar, 0n]]);
});

test("where the payment's own notification has not come yet it is asked for, and credited before anything is taken", async () => {
  const { reverse, posted, moneyOf, takeAsked, order } = await startPaid(0n, false);
  await reverse(disputeOf("open"));
  assert.deepEqual(takeAsked(), ["find of pi_1"]);
  assert.deepEqual(
    [order().state, posted().map(([kind]) => kind), moneyOf()],
    [...["paid", ["payment", "charge_back"], [3n * dollar, 0n]]],
  );
});

test("a payment for which there is no order, or that is not paid, is none of ours", async () => {
  const { reverse, checkouts, orderId, posted, order } = await startPaid(0n, false);
  const checkout = checkouts.get(`cs ${orderId}`);
  assert.ok(checkout);
  assert.equal(await reverse({ ...disputeOf("open"), paymentId: "pi_x" }), undefined);
  checkouts.set(checkout.sessionId, { ...checkout, orderId: "" });
  assert.equal(await reverse(disputeOf("open")), undefined);
  checkouts.set(checkout.sessionId, { ...checkout, state: "processing" });
  assert.equal(await reverse(disputeOf("open")), undefined);
  assert.deepEqual([posted(), order().state], [[], "processing"]);
});

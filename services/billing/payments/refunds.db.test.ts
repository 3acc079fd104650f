import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { billing } from "../service.ts";
import type { SimulatedEvent } from "./stripe/simulated-account.ts";
import { startStripeSimulator } from "./stripe/stripe-simulator.ts";

const fake = createFakeClock();
/** The date is set by the test; what waits waits as always. */
const clock = { ...systemClock, nowMs: fake.nowMs };
const random = createRandom(clock);
const keys = { apiKey: "sk_test_simulated", webhookSecret: "whsec_simulated_secret" };
const stripe = await startStripeSimulator({ ...keys, clock, random });
after(() => stripe.close());
const returnOrigins = ["https://console.example.com"];
const config = { payments: { returnOrigins, stripe: { ...keys, baseUrl: stripe.url } } };
const service = await startTestService({ after }, billing, { clients: {}, config, clock });
const { ops } = service;
const { signal } = new AbortController();
const usd = 1_000_000_000n;

let lastId = 0;
const notify = (event: SimulatedEvent) => ops.payments.takeNotification(stripe.sign(event));
const balanceOf = async (tenantId: string) => (await ops.getBalance({ tenantId })).balanceNanos;
const debtOf = async (tenantId: string) => ops.payments.getDebt((await ops.getBalance({ tenantId })).walletId);
const moneyOf = async (tenantId: string) => [await balanceOf(tenantId), await debtOf(tenantId)];
const cause = (reference: string) => ({ reference, reason: "test", userId: "usr_op" });

/** A tenant that has paid 25 USD, and the order by which it did. */
async function createPayer(tellsUs = true) {
  const tenantId = `ten_${++lastId}`;
  await ops.createWallet({ tenantId });
  const urls = { successUrl: "https://console.example.com/a", cancelUrl: "https://console.example.com/b" };
  const order = { tenantId, userId: "usr_a", amountNanos: 25n * usd, currency: "USD", ...urls };
  const { orderId, sessionId } = await ops.payments.createOrder(order);
  const paid = stripe.account.pay(sessionId ?? "");
  if (tellsUs) await notify(paid);
  const paymentId = String(stripe.account.sessionOf(sessionId ?? "")["payment_intent"]);
  return { tenantId, orderId, paymentId, paid };
}

const take = (tenantId: string, amountNanos: bigint) =>
  ops.corrections.adjustWallet({ tenantId, amountNanos: -amountNanos, ...cause(`take ${++lastId}`) });
const refund = (orderId: string, amountNanos: bigint | undefined, reference: string) =>
  ops.payments.refundOrder({ orderId, amountNanos, ...cause(reference) });
const sentBack = (paymentId: string) =>
  stripe.account
    .listRefunds()
    .filter((it) => it["payment_intent"] === paymentId)
    .map((it) => it["amount"]);

async function assertBalanced(): Promise<void> {
  await assertIntegrity(ops);
  const [sums] = await service.sql`
    select coalesce(sum(amount_nanos), 0)::text as total,
      coalesce(sum(amount_nanos) filter (where account = 'refund:pending'), 0)::text as pending from entry`;
  assert.deepEqual({ ...sums }, { total: "0", pending: "0" });
}

test("an order's money goes back to its payer once for a reference, and at most as much as was paid", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  const same = await Promise.all(Array.from({ length: 10 }, () => refund(orderId, 10n * usd, "a")));
  assert.deepEqual(
    [new Set(same.map((it) => it.refundId)).size, (await refund(orderId, 10n * usd, "a")).state],
    [1, "paid"],
  );
  assert.deepEqual([await balanceOf(tenantId), sentBack(paymentId)], [15n * usd, [1_000]]);
  for (const [amount, reference, failure] of [
    [16n * usd, "b", billingFailures.refund_too_large],
    [1n, "c", billingFailures.refund_too_large],
    [11n * usd, "a", billingFailures.reference_reused],
  ] as const) {
    await assert.rejects(refund(orderId, amount, reference), (err) => isFailure(err, failure), reference);
  }
  await refund(orderId, undefined, "rest");
  assert.deepEqual([await balanceOf(tenantId), sentBack(paymentId)], [0n, [1_000, 1_500]]);
  await assertBalanced();
});

test("what is spent, held or granted is not sent back", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  await take(tenantId, 20n * usd);
  const expiresAt = new Date(clock.nowMs() + 86_400_000);
  await ops.grants.createGrant({ tenantId, amountNanos: 50n * usd, expiresAt, ...cause("gift") });
  const tooMuch = refund(orderId, 6n * usd, "a");
  await assert.rejects(
    tooMuch,
    (err) => isFailure(err, billingFailures.amount_unavailable) && err.details["available"] === "5",
  );
  await refund(orderId, 5n * usd, "b");
  assert.deepEqual([await balanceOf(tenantId), sentBack(paymentId)], [50n * usd, [500]]);
  await assertBalanced();
});

test("a refund whose answer is lost stays aside, is looked for, and happens once; one that is refused comes back", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  stripe.break("lose_answer", "lose_answer", "lose_answer");
  assert.equal((await refund(orderId, 5n * usd, "lost")).state, "pending");
  assert.deepEqual([await balanceOf(tenantId), sentBack(paymentId)], [20n * usd, [500]]);
  fake.advance(60_000);
  await Promise.all([ops.payments.retryRefunds(signal), ops.payments.retryRefunds(signal)]);
  assert.deepEqual([(await refund(orderId, 5n * usd, "lost")).state, sentBack(paymentId)], ["paid", [500]]);

  stripe.break("fail", "fail", "fail");
  assert.equal((await refund(orderId, 6n * usd, "failed")).state, "pending");
  fake.advance(60_000);
  await ops.payments.retryRefunds(signal);
  assert.deepEqual([await balanceOf(tenantId), sentBack(paymentId)], [14n * usd, [500, 600]]);

  stripe.account.refund(paymentId, 1_400);
  assert.equal((await refund(orderId, 14n * usd, "refused")).state, "failed");
  assert.equal(await balanceOf(tenantId), 14n * usd);
  await assertBalanced();
});

test("a refund made at the provider is taken from the wallet once, and ours are not taken twice", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  await refund(orderId, 5n * usd, "ours");
  const event = stripe.account.refund(paymentId, 800);
  await Promise.all([notify(event), notify(event), notify({ ...event, id: random.id("evt") })]);
  assert.deepEqual(await moneyOf(tenantId), [12n * usd, 0n]);
  await assert.rejects(refund(orderId, 13n * usd, "too much"), (err) =>
    isFailure(err, billingFailures.refund_too_large),
  );
  await assertBalanced();
});

/** How the provider calls the refunds of a payment, in their order. */
const namesOf = (paymentId: string) =>
  stripe.account.listRefunds().flatMap((it) => (it["payment_intent"] === paymentId ? [it.id] : []));
const postingsOf = async (kind: string, refundId: string) => {
  const rows = await service.sql`select posting_id from posting where kind = ${kind} and reference = ${refundId}`;
  return rows.length;
};

test("a refund that the bank turns down after it was paid comes back once, whenever and however often we hear of it", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  const { refundId } = await refund(orderId, 10n * usd, "a");
  stripe.account.refund(paymentId, 300);
  const [ours = "", byHand = ""] = namesOf(paymentId);
  // The one made by hand is heard of only after both have failed.
  const failed = [stripe.account.failRefund(ours), stripe.account.failRefund(byHand)];
  const again = failed.map((event) => ({ ...event, id: random.id("evt"), type: "refund.updated" }));
  await Promise.all([...failed, ...again, ...failed].map(notify));
  assert.deepEqual(await moneyOf(tenantId), [25n * usd, 0n]);
  assert.deepEqual(
    [await postingsOf("payment_refund_paid", refundId), await postingsOf("payment_refund_failed", refundId)],
    [1, 1],
  );
  assert.equal((await refund(orderId, 10n * usd, "a")).state, "failed");
  const said = (await service.listEvents()).filter(({ data }) => data["refundId"] === refundId).map(({ type }) => type);
  assert.deepEqual(said, ["billing.refund.completed", "billing.refund.failed"]);
  // So all of it may be sent again.
  assert.equal((await refund(orderId, 25n * usd, "b")).state, "paid");
  await assertBalanced();
});

test("money of a failed refund pays what its tenant owes first; a refund by hand that fails gives back what was taken for it", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  await refund(orderId, 10n * usd, "a");
  await take(tenantId, 12n * usd);
  await notify(stripe.account.refund(paymentId, 800));
  assert.deepEqual(await moneyOf(tenantId), [0n, 5n * usd]);
  const [ours = "", byHand = ""] = namesOf(paymentId);
  const late = stripe.account.failRefund(ours);
  await notify(late);
  assert.deepEqual(await moneyOf(tenantId), [5n * usd, 0n]);
  const events = [stripe.account.failRefund(byHand), late];
  for (const event of [...events, ...events]) await notify(event);
  assert.deepEqual(await moneyOf(tenantId), [13n * usd, 0n]);
  await assertBalanced();
});

test("a refund whose failure is heard of while its answer is on the way is over, and what names none of ours changes nothing", async () => {
  const { tenantId, orderId, paymentId } = await createPayer();
  stripe.break("lose_answer", "lose_answer", "lose_answer");
  const { state, refundId } = await refund(orderId, 5n * usd, "a");
  assert.equal(state, "pending");
  const [ours = ""] = namesOf(paymentId);
  await notify(stripe.account.failRefund(ours));
  fake.advance(60_000);
  await ops.payments.retryRefunds(signal);
  assert.deepEqual([await balanceOf(tenantId), (await refund(orderId, 5n * usd, "a")).state], [25n * usd, "failed"]);
  assert.deepEqual(
    [await postingsOf("payment_refund_paid", refundId), await postingsOf("payment_refund_failed", refundId)],
    [0, 1],
  );
  const foreign = { id: "re_foreign", object: "refund", amount: 100, currency: "usd", status: "failed" };
  await notify(
    stripe.account.eventOf("refund.failed", {
      ...foreign,
      payment_intent: "pi_foreign",
      metadata: { refund_id: refundId },
    }),
  );
  await notify(stripe.account.eventOf("refund.failed", { ...foreign, payment_intent: null, metadata: {} }));
  assert.equal(await balanceOf(tenantId), 25n * usd);
  await assertBalanced();
});

test("a charge-back of money that is spent is owed, and what comes in pays it first", async () => {
  const { tenantId, paymentId } = await createPayer();
  await take(tenantId, 18n * usd);
  const event = stripe.account.dispute(paymentId);
  await Promise.all(Array.from({ length: 10 }, () => notify(event)));
  assert.deepEqual(await moneyOf(tenantId), [0n, 18n * usd]);
  await ops.topUpWallet({ tenantId, amountNanos: 4n * usd, reference: "a", source: "manual" });
  assert.equal(
    (await ops.topUpWallet({ tenantId, amountNanos: 4n * usd, reference: "a", source: "manual" })).isNew,
    false,
  );
  assert.deepEqual(await moneyOf(tenantId), [0n, 14n * usd]);
  const { codes } = await ops.codes.createCodes({
    ...{ name: "x", amountNanos: 20n * usd, count: 1, prefix: "", maxUses: 1, isOncePerTenant: false },
    ...{ expiresAt: null, userId: "usr_op" },
  });
  await ops.codes.redeem({ tenantId, userId: "usr_a", code: codes[0] ?? "" });
  assert.deepEqual(await moneyOf(tenantId), [6n * usd, 0n]);
  const [said] = (await service.listEvents()).filter(
    (it) => it.type === "billing.charge_back.recorded" && it.data["tenantId"] === tenantId,
  );
  assert.deepEqual([said?.data["takenNanos"], said?.data["owedNanos"]], [String(7n * usd), String(18n * usd)]);
  await assertBalanced();
});

test("a dispute that is won gives the money again, debts first; one that is lost changes nothing more", async () => {
  const [won, lost] = [await createPayer(), await createPayer()];
  for (const { tenantId } of [won, lost]) await take(tenantId, 10n * usd);
  const disputes = [stripe.account.dispute(won.paymentId), stripe.account.dispute(lost.paymentId)] as const;
  for (const event of disputes) await notify(event);
  const [wonId = "", lostId = ""] = disputes.map((event) => (event.data.object as { id: string }).id);
  const closed = [stripe.account.closeDispute(wonId, "won"), stripe.account.closeDispute(lostId, "lost")];
  for (const event of [...closed, ...closed, ...disputes]) await notify(event);
  assert.deepEqual(await moneyOf(won.tenantId), [15n * usd, 0n]);
  assert.deepEqual(await moneyOf(lost.tenantId), [0n, 10n * usd]);
  await assertBalanced();
});

test("a dispute of which the end is heard first, or before the payment, is counted right all the same", async () => {
  const [won, unheard] = [await createPayer(), await createPayer(false)];
  const opened = stripe.account.dispute(won.paymentId);
  await notify(stripe.account.closeDispute((opened.data.object as { id: string }).id, "won"));
  await notify(opened);
  assert.deepEqual(await moneyOf(won.tenantId), [25n * usd, 0n]);
  await notify(stripe.account.dispute(unheard.paymentId));
  await notify(unheard.paid);
  assert.deepEqual(await moneyOf(unheard.tenantId), [0n, 0n]);
  await assertBalanced();
});

test("money that calls held when it was charged back pays the debt when they give it back", async () => {
  const { tenantId, paymentId } = await createPayer();
  const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };
  await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
  const call = { callId: "call_held", requestId: "r", tenantId, keyId: "k", userId: "u", provider: "p", model: "m" };
  await ops.reserveCall({ ...call, inputTokens: 20n * usd, maxOutputTokens: 1n, minOutputTokens: 1n, choices: 1n });
  await notify(stripe.account.dispute(paymentId));
  assert.deepEqual(await moneyOf(tenantId), [20n * usd, 20n * usd]);
  await ops.payments.collectDebts(signal);
  assert.deepEqual(await moneyOf(tenantId), [20n * usd, 20n * usd]);
  const end = { callId: "call_held", tenantId, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
  await ops.settleCall({ ...end, inputTokens: 3n * usd, cachedInputTokens: 0n, outputTokens: 0n });
  await Promise.all([ops.payments.collectDebts(signal), ops.payments.collectDebts(signal)]);
  assert.deepEqual(await moneyOf(tenantId), [0n, 3n * usd]);
  await assertBalanced();
});

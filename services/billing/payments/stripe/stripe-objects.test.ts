import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import {
  fromMinorUnits,
  stripeCharge,
  stripeDispute,
  stripeEvent,
  stripeRefund,
  stripeSession,
  toCheckout,
  toDispute,
  toMinorUnits,
  toRefund,
} from "./stripe-objects.ts";

const sessionOf = (more: object = {}) =>
  stripeSession.parse({
    ...{ object: "checkout.session", id: "cs_1", status: "open", payment_status: "unpaid", mode: "payment" },
    ...{ url: "https://checkout.stripe.com/c/1", amount_total: 1_234, currency: "usd", client_reference_id: "ord_1" },
    ...more,
  });

test("a cent is ten million nanos, and nothing else than whole cents of a currency that is taken is sent", () => {
  assert.deepEqual([toMinorUnits(12_340_000_000n, "USD"), toMinorUnits(0n, "USD")], ["1234", "0"]);
  assert.throws(() => toMinorUnits(10_000_001n, "USD"), /10000001 is no amount that Stripe takes/);
  assert.throws(() => toMinorUnits(10_000_000n, "JPY"), RangeError);
});

test("an amount of Stripe's is exact in nanos, however the currency is spelt; of another currency it fits no order", () => {
  assert.deepEqual([fromMinorUnits(1_234, "USD"), fromMinorUnits(1, "usd")], [12_340_000_000n, 10_000_000n]);
  assert.deepEqual([fromMinorUnits(1_234, "eur"), fromMinorUnits(5, "")], [-1n, -1n]);
});

test("a checkout says its order, amount and currency as Stripe has them; what Stripe leaves out fits no order", () => {
  assert.deepEqual(toCheckout(sessionOf()), {
    ...{ sessionId: "cs_1", orderId: "ord_1", url: "https://checkout.stripe.com/c/1", amountNanos: 12_340_000_000n },
    ...{ currency: "USD", paymentId: "", state: "open" },
  });
  const bare = { url: null, amount_total: null, currency: null, client_reference_id: null, payment_intent: null };
  assert.deepEqual(toCheckout(sessionOf(bare)), {
    ...{ sessionId: "cs_1", orderId: "", url: "", amountNanos: -1n, currency: "", paymentId: "", state: "open" },
  });
  assert.equal(toCheckout(sessionOf({ amount_total: null })).amountNanos, -10_000_000n);
});

test("a payment is named by its id, also where Stripe has put the whole of it in place", () => {
  assert.equal(toCheckout(sessionOf({ payment_intent: "pi_1" })).paymentId, "pi_1");
  assert.equal(toCheckout(sessionOf({ payment_intent: { id: "pi_2", amount: 5 } })).paymentId, "pi_2");
});

test("only a complete session of a payment that is paid is money", () => {
  const stateOf = (status: string | null, payment_status: string, mode = "payment") =>
    toCheckout(sessionOf({ status, payment_status, mode })).state;
  assert.equal(stateOf("complete", "paid"), "paid");
  assert.deepEqual(
    [stateOf("complete", "unpaid"), stateOf("complete", "no_payment_required"), stateOf("complete", "paid", "setup")],
    ["processing", "processing", "processing"],
  );
  assert.deepEqual(
    [stateOf("open", "paid"), stateOf(null, "paid"), stateOf("open", "unpaid")],
    ["open", "open", "open"],
  );
  assert.deepEqual([stateOf("expired", "paid"), stateOf("expired", "unpaid")], ["expired", "expired"]);
});

test("what an event says of a session counts before what the session says", () => {
  assert.equal(toCheckout(sessionOf({ status: "complete", payment_status: "paid" }), "failed").state, "failed");
});

test("a refund is paid or failed when Stripe says so, and pending in every other state", () => {
  const refundOf = (more: object) =>
    toRefund(
      stripeRefund.parse({
        ...{ object: "refund", id: "re_1", amount: 250, currency: "usd", status: "succeeded" },
        ...{ metadata: { refund_id: "prf_1" }, ...more },
      }),
    );
  assert.deepEqual(refundOf({}), {
    ...{ providerRefundId: "re_1", refundId: "prf_1", amountNanos: 2_500_000_000n, state: "paid" },
  });
  const states = ["succeeded", "failed", "canceled", "pending", "requires_action", "new", null];
  assert.deepEqual(
    states.map((status) => refundOf({ status }).state),
    ["paid", "failed", "failed", "pending", "pending", "pending", "pending"],
  );
  for (const metadata of [null, undefined, {}]) assert.equal(refundOf({ metadata }).refundId, "", "made by hand");
});

test("a dispute takes money, an inquiry takes none, and what of no payment is none of ours", () => {
  const disputeOf = (more: object) =>
    toDispute(
      stripeDispute.parse({
        ...{ object: "dispute", id: "dp_1", payment_intent: "pi_1", amount: 250, currency: "usd" },
        ...{ status: "needs_response", ...more },
      }),
    );
  const dispute = { kind: "dispute", paymentId: "pi_1", reversalId: "dp_1", amountNanos: 2_500_000_000n };
  assert.deepEqual(disputeOf({}), { ...dispute, currency: "USD", state: "open" });
  assert.deepEqual(
    ["won", "lost", "under_review"].map((status) => {
      const told = disputeOf({ status });
      return told?.kind === "dispute" && told.state;
    }),
    ["won", "lost", "open"],
  );
  for (const more of [{ status: "warning_needs_response" }, { payment_intent: null }, { payment_intent: "" }]) {
    assert.equal(disputeOf(more), undefined);
  }
});

test("what an event is about is kept as Stripe has said it", () => {
  const about = { object: "charge", amount: 5 };
  const event = stripeEvent.parse({ object: "event", id: "evt_1", type: "charge.refunded", data: { object: about } });
  assert.deepEqual(event.data.object, about);
});

test("an object of another kind, or without what is looked at, is not taken for one", () => {
  const session = { ...sessionOf(), payment_intent: null };
  const refund = { object: "refund", id: "re_1", amount: 1, currency: "usd", status: null };
  const dispute = { object: "dispute", id: "dp_1", amount: 1, currency: "usd", status: "won" };
  const event = { object: "event", id: "evt_1", type: "charge.refunded", data: { object: {} } };
  const long = "x".repeat(256);
  const cases: readonly (readonly [z.ZodType, object, readonly object[]])[] = [
    [
      stripeSession,
      session,
      [
        ...[{ object: "session" }, { id: long }, { status: "new" }, { payment_status: "free" }, { amount_total: 1.5 }],
        ...[{ currency: undefined }, { mode: undefined }, { url: "x".repeat(8_193) }, { metadata: { a: 1 } }],
        ...[{ client_reference_id: 5 }, { payment_intent: {} }],
      ],
    ],
    [stripeRefund, refund, [{ object: "charge" }, { id: long }, { amount: 0.5 }, { currency: null }, { status: 5 }]],
    [stripeCharge, { object: "charge", payment_intent: "pi_1" }, [{ object: "refund" }, { payment_intent: 5 }]],
    [stripeDispute, dispute, [{ object: "charge" }, { id: long }, { amount: "1" }, { currency: 5 }, { status: null }]],
    [stripeEvent, event, [{ object: "thing" }, { id: "" }, { id: long }, { type: long }, { data: null }]],
  ];
  for (const [schema, good, changes] of cases) {
    assert.ok(schema.safeParse({ ...good, unknown: 1 }).success);
    for (const change of changes) {
      assert.equal(schema.safeParse({ ...good, ...change }).success, false, JSON.stringify(change).slice(0, 60));
    }
  }
  assert.ok(stripeSession.safeParse({ ...session, id: "x".repeat(255), url: "x".repeat(8_192) }).success);
  assert.ok(stripeEvent.safeParse({ ...event, id: "x".repeat(255), type: "x".repeat(255) }).success);
});

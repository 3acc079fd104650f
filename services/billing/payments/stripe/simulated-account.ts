import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";

export type Fields = Readonly<Record<string, string>>;
export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

type StripeObject = { id: string; object: string } & Record<string, unknown>;

/** What Stripe would send to a webhook. */
export interface SimulatedEvent {
  readonly id: string;
  readonly object: "event";
  readonly type: string;
  readonly created: number;
  readonly data: { readonly object: unknown };
}

/**
 * A Stripe account in memory: what its API answers, and what payers, banks and the dashboard do in it. Each such doing gives
 * the event that Stripe would send. Throws an Error for what cannot happen, such as paying an expired session.
 */
export function createSimulatedAccount(clock: Clock, random: Random) {
  const sessions = new Map<string, StripeObject>();
  const charges = new Map<string, StripeObject>();
  const refunds = new Map<string, StripeObject>();
  const disputes = new Map<string, StripeObject>();
  const seconds = () => Math.floor(clock.nowMs() / 1_000);
  const eventOf = (type: string, object: StripeObject): SimulatedEvent => ({
    id: random.id("evt"),
    object: "event",
    type,
    created: seconds(),
    data: { object: structuredClone(object) },
  });

  function createSession(fields: Fields): Answer {
    const id = random.id("cs_test");
    const unit = Number(fields["line_items[0][price_data][unit_amount]"]);
    const session: StripeObject = {
      ...{ id, object: "checkout.session", mode: fields["mode"], livemode: false },
      ...{ status: "open", payment_status: "unpaid", payment_intent: null, created: seconds() },
      amount_total: unit * Number(fields["line_items[0][quantity]"] ?? "1"),
      currency: fields["line_items[0][price_data][currency]"],
      client_reference_id: fields["client_reference_id"] ?? null,
      metadata: metadataOf(fields, "metadata"),
      payment_metadata: metadataOf(fields, "payment_intent_data[metadata]"),
      ...{ success_url: fields["success_url"], cancel_url: fields["cancel_url"] },
      url: `https://checkout.stripe.com/c/pay/${id}`,
      expires_at: Number(fields["expires_at"]),
    };
    sessions.set(id, session);
    return ok(session);
  }

  function createRefund(fields: Fields): Answer {
    const charge = chargeOf(fields["payment_intent"] ?? "");
    if (!charge) return refuse(404, "resource_missing");
    const refunded = Number(charge["amount_refunded"]);
    const amount = Number(fields["amount"] ?? Number(charge["amount"]) - refunded);
    if (refunded + amount > Number(charge["amount"])) return refuse(400, "charge_already_refunded");
    return ok(addRefund(charge, amount, metadataOf(fields, "metadata")));
  }

  function addRefund(charge: StripeObject, amount: number, metadata: Fields): StripeObject {
    const refund: StripeObject = {
      ...{ id: random.id("re"), object: "refund", amount, currency: charge["currency"], status: "succeeded" },
      ...{ charge: charge.id, payment_intent: charge["payment_intent"], metadata, created: seconds() },
    };
    refunds.set(refund.id, refund);
    charge["amount_refunded"] = Number(charge["amount_refunded"]) + amount;
    return refund;
  }

  const chargeOf = (paymentId: string) => [...charges.values()].find((it) => it["payment_intent"] === paymentId);

  function sessionOf(sessionId: string): StripeObject {
    const session = sessions.get(sessionId);
    if (!session) throw new Error(`there is no session ${sessionId}`);
    return session;
  }

  function complete(sessionId: string, isPaid: boolean): StripeObject {
    const session = sessionOf(sessionId);
    if (session["status"] !== "open") throw new Error(`session ${sessionId} is ${session["status"]}`);
    const paymentId = random.id("pi");
    Object.assign(session, { status: "complete", payment_intent: paymentId, url: null });
    return isPaid ? collect(session) : session;
  }

  /** The money is there: the payment has a charge. */
  function collect(session: StripeObject): StripeObject {
    const { amount_total: amount, currency, payment_intent, payment_metadata: metadata } = session;
    const charge = {
      id: random.id("ch"),
      object: "charge",
      amount,
      amount_refunded: 0,
      currency,
      payment_intent,
      metadata,
    };
    charges.set(charge.id, charge);
    session["payment_status"] = "paid";
    return session;
  }

  return {
    answer(method: string, path: string, fields: Fields): Answer {
      const [, kind, id] = /^\/v1\/(checkout\/sessions|refunds)(?:\/([^/]+))?$/.exec(path) ?? [];
      if (method === "POST" && id === undefined && kind === "checkout/sessions") return createSession(fields);
      if (method === "POST" && id === undefined && kind === "refunds") return createRefund(fields);
      if (method !== "GET" || kind === undefined) return refuse(404, "resource_missing");
      if (id !== undefined) {
        const found = (kind === "refunds" ? refunds : sessions).get(id);
        return found ? ok(found) : refuse(404, "resource_missing");
      }
      const listed = kind === "refunds" ? refunds : sessions;
      const data = [...listed.values()].filter((it) => it["payment_intent"] === fields["payment_intent"]);
      return { status: 200, json: { object: "list", has_more: false, data } };
    },
    /** The payer pays by card. */
    pay: (sessionId: string) => eventOf("checkout.session.completed", complete(sessionId, true)),
    /** The payer pays by a way that takes days. */
    payLater: (sessionId: string) => eventOf("checkout.session.completed", complete(sessionId, false)),
    /** The money of `payLater` has come, or has not. */
    arrive: (sessionId: string) => eventOf("checkout.session.async_payment_succeeded", collect(sessionOf(sessionId))),
    failToArrive: (sessionId: string) => eventOf("checkout.session.async_payment_failed", sessionOf(sessionId)),
    /** The session's time is over. */
    expire(sessionId: string): SimulatedEvent {
      const session = Object.assign(sessionOf(sessionId), { status: "expired", url: null });
      return eventOf("checkout.session.expired", session);
    },
    /** Somebody refunds in the dashboard. */
    refund(paymentId: string, amount: number): SimulatedEvent {
      const charge = chargeOf(paymentId);
      if (!charge) throw new Error(`there is no payment ${paymentId}`);
      addRefund(charge, amount, {});
      return eventOf("charge.refunded", charge);
    },
    /** The payer's bank turns a refund down, as it may days after Stripe said that it had succeeded. */
    failRefund(providerRefundId: string): SimulatedEvent {
      const refund = refunds.get(providerRefundId);
      const charge = chargeOf(String(refund?.["payment_intent"]));
      if (!refund || !charge) throw new Error(`there is no refund ${providerRefundId}`);
      charge["amount_refunded"] = Number(charge["amount_refunded"]) - Number(refund["amount"]);
      return eventOf("refund.failed", Object.assign(refund, { status: "failed" }));
    },
    /** The payer disputes a payment with their bank: Stripe takes the money back at once. */
    dispute(paymentId: string): SimulatedEvent {
      const charge = chargeOf(paymentId);
      if (!charge) throw new Error(`there is no payment ${paymentId}`);
      const { amount, currency, payment_intent, id } = charge;
      const status = "needs_response";
      const dispute = { id: random.id("dp"), object: "dispute", charge: id, payment_intent, amount, currency, status };
      disputes.set(dispute.id, dispute);
      return eventOf("charge.dispute.created", dispute);
    },
    /** The bank decides. */
    closeDispute(disputeId: string, status: "won" | "lost"): SimulatedEvent {
      const dispute = disputes.get(disputeId);
      if (!dispute) throw new Error(`there is no dispute ${disputeId}`);
      return eventOf("charge.dispute.closed", Object.assign(dispute, { status }));
    },
    /** For tests that need an event which is not quite right. */
    eventOf,
    listRefunds: () => [...refunds.values()],
    sessionOf,
  };
}

function metadataOf(fields: Fields, prefix: string): Record<string, string> {
  const start = `${prefix}[`;
  const own = Object.entries(fields).filter(([name]) => name.startsWith(start));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(start.length, -1), value]));
}

function ok(json: StripeObject): Answer {
  return { status: 200, json: structuredClone(json) };
}

function refuse(status: number, code: string): Answer {
  return { status, json: { error: { type: "invalid_request_error", code, message: code } } };
}

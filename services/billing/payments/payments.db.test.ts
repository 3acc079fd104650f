import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { loadConfig } from "@lyss/kit/config/load-config.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { billing } from "../service.ts";
import type { SimulatedEvent } from "./stripe/simulated-account.ts";
import { signNotification, startStripeSimulator } from "./stripe/stripe-simulator.ts";

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
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

let lastId = 0;
async function createTenant(): Promise<string> {
  const tenantId = `ten_${++lastId}`;
  await ops.createWallet({ tenantId });
  return tenantId;
}

const urls = { success_url: "https://console.example.com/paid?x=1", cancel_url: "https://console.example.com/" };
async function order(tenantId: string, amount = "25", headers?: Readonly<Record<string, string>>) {
  const path = "/v1/billing/top-up/orders";
  return server.call(`${tenantId}/billing:*`, "POST", path, { amount, ...urls }, headers);
}

/** An order of 25 USD and the session at which it is paid. */
async function orderOf(tenantId: string): Promise<{ readonly orderId: string; readonly sessionId: string }> {
  const { status, json } = await order(tenantId);
  assert.equal(status, 201, JSON.stringify(json));
  const { sessionId } = await ops.payments.getOrder({ orderId: json.id });
  return { orderId: json.id, sessionId: sessionId ?? "" };
}

/** Sends a notification as Stripe does, and gives status and code of the answer. */
async function notify(event: unknown, more: { readonly secret?: string; readonly signature?: string } = {}) {
  const signed = signNotification(event, more.secret ?? keys.webhookSecret, clock.nowMs());
  const response = await fetch(`${server.url}/webhooks/stripe`, {
    method: "POST",
    headers: { "content-type": "application/json", "stripe-signature": more.signature ?? signed.signature },
    body: signed.body,
  });
  const { error } = (await response.json()) as { readonly error?: { readonly code: string } };
  return `${response.status} ${error?.code ?? "received"}`;
}

const balanceOf = async (tenantId: string) => (await ops.getBalance({ tenantId })).balanceNanos;
const stateOf = async (orderId: string) => (await ops.payments.getOrder({ orderId })).state;
const completed = async (orderId: string) =>
  (await service.listEvents()).filter((it) => it.type === "billing.top_up.completed" && it.data["orderId"] === orderId);

async function assertBalanced(): Promise<void> {
  await assertIntegrity(ops);
  const [sums] = await service.sql`select coalesce(sum(amount_nanos), 0)::text as total from entry`;
  assert.equal(sums?.["total"], "0");
}

const spoil = (event: SimulatedEvent, more: object): SimulatedEvent => ({
  ...event,
  id: random.id("evt"),
  data: { object: { ...(event.data.object as object), ...more } },
});

test("B25: a webhook that comes 100 times at once credits once, and so do its cousins under other ids", async () => {
  const tenantId = await createTenant();
  const { orderId, sessionId } = await orderOf(tenantId);
  const event = stripe.account.pay(sessionId);
  const answers = await Promise.all(Array.from({ length: 100 }, () => notify(event)));
  assert.deepEqual([...new Set(answers)], ["200 received"]);
  assert.equal(await balanceOf(tenantId), 25_000_000_000n);
  const cousins = [spoil(event, {}), { ...spoil(event, {}), type: "checkout.session.async_payment_succeeded" }];
  for (const cousin of [
    ...cousins,
    stripe.account.eventOf("checkout.session.expired", stripe.account.sessionOf(sessionId)),
  ]) {
    assert.equal(await notify(cousin), "200 received");
  }
  assert.equal(await balanceOf(tenantId), 25_000_000_000n);
  assert.equal(await stateOf(orderId), "paid");
  assert.equal((await completed(orderId)).length, 1);
  await assertBalanced();
});

test("B25: forged, unsigned, stale and unreadable notifications are refused and change nothing", async () => {
  const tenantId = await createTenant();
  const { orderId, sessionId } = await orderOf(tenantId);
  const event = stripe.account.pay(sessionId);
  const fresh = stripe.sign(event);
  assert.equal(await notify(event, { secret: "" }), "400 BILLING_034");
  assert.equal(await notify(event, { secret: "whsec_of_somebody_else" }), "400 BILLING_034");
  assert.equal(await notify(event, { signature: "" }), "400 BILLING_034");
  assert.equal(await notify({ id: "evt_x" }), "400 BILLING_034");
  assert.equal(await notify(spoil(event, { amount_total: 1 }), { signature: fresh.signature }), "400 BILLING_034");
  fake.advance(301_000);
  assert.equal(await notify(event, { signature: fresh.signature }), "400 BILLING_034");
  assert.deepEqual([await balanceOf(tenantId), await stateOf(orderId)], [0n, "pending"]);
  assert.equal(await notify(event), "200 received");
  assert.equal(await balanceOf(tenantId), 25_000_000_000n);
});

test("B25: another gateway's order, session, amount or currency is refused with 4xx, and credits nobody", async () => {
  const tenantId = await createTenant();
  const [own, other] = [await orderOf(tenantId), await orderOf(tenantId)];
  await service.sql`update payment_order set provider = 'another' where order_id = ${other.orderId}`;
  assert.equal(await notify(stripe.account.pay(other.sessionId)), "400 BILLING_035");
  const event = stripe.account.pay(own.sessionId);
  const cases: readonly (readonly [more: object, answer: string])[] = [
    [{ amount_total: 2_499 }, "400 BILLING_035"],
    [{ amount_total: 250_000 }, "400 BILLING_035"],
    [{ currency: "jpy" }, "400 BILLING_035"],
    [{ id: "cs_test_another" }, "400 BILLING_035"],
    [{ client_reference_id: "ord_none" }, "404 BILLING_032"],
    [{ client_reference_id: other.orderId }, "400 BILLING_035"],
    [{ client_reference_id: null }, "200 received"],
    [{ payment_status: "no_payment_required" }, "200 received"],
  ];
  for (const [more, answer] of cases) assert.equal(await notify(spoil(event, more)), answer, JSON.stringify(more));
  assert.equal(await balanceOf(tenantId), 0n);
  assert.equal(await notify(event), "200 received");
  assert.equal(await balanceOf(tenantId), 25_000_000_000n);
});

test("B25: Stripe with no secret, an empty one or a short one does not start", () => {
  const { payments } = billing.config;
  for (const stripeKeys of [
    { apiKey: "sk_x" },
    { apiKey: "sk_x", webhookSecret: "" },
    { webhookSecret: keys.webhookSecret },
  ]) {
    assert.equal(payments.safeParse({ stripe: stripeKeys }).success, false, JSON.stringify(stripeKeys));
  }
  for (const webhookSecret of ["short", " ".repeat(40)]) {
    assert.equal(payments.safeParse({ stripe: { apiKey: "sk_x", webhookSecret } }).success, false);
  }
  assert.equal(payments.safeParse({ stripe: keys }).success, true);
  const env = { LYSS_PAYMENTS_STRIPE_API_KEY: keys.apiKey, LYSS_PAYMENTS_STRIPE_WEBHOOK_SECRET: "" };
  assert.throws(() => loadConfig({ sections: billing.config, env }), /payments\.stripe\.webhookSecret: is required/);
});

test("money that takes days is credited when it comes, however the news are ordered", async () => {
  const tenantId = await createTenant();
  const [late, early, never] = [await orderOf(tenantId), await orderOf(tenantId), await orderOf(tenantId)];
  assert.equal(await notify(stripe.account.payLater(late.sessionId)), "200 received");
  assert.deepEqual([await stateOf(late.orderId), await balanceOf(tenantId)], ["processing", 0n]);
  assert.equal(await notify(stripe.account.arrive(late.sessionId)), "200 received");
  assert.deepEqual([await stateOf(late.orderId), await balanceOf(tenantId)], ["paid", 25_000_000_000n]);

  const begun = stripe.account.payLater(early.sessionId);
  await notify(stripe.account.arrive(early.sessionId));
  await notify(begun);
  assert.deepEqual([await stateOf(early.orderId), await balanceOf(tenantId)], ["paid", 50_000_000_000n]);

  await notify(stripe.account.payLater(never.sessionId));
  await notify(stripe.account.failToArrive(never.sessionId));
  assert.deepEqual([await stateOf(never.orderId), await balanceOf(tenantId)], ["failed", 50_000_000_000n]);
  await assertBalanced();
});

test("an order whose webhook never came is credited when the provider is asked, once", async () => {
  const tenantId = await createTenant();
  const { orderId, sessionId } = await orderOf(tenantId);
  const event = stripe.account.pay(sessionId);
  const { signal } = new AbortController();
  await ops.payments.pollOrders(signal);
  assert.equal(await stateOf(orderId), "pending", "it is not asked before its time");
  fake.advance(60_000);
  stripe.break("fail", "fail", "fail");
  await Promise.all([ops.payments.pollOrders(signal), ops.payments.pollOrders(signal)]);
  fake.advance(3_600_000);
  await Promise.all([ops.payments.pollOrders(signal), ops.payments.pollOrders(signal), notify(event)]);
  assert.deepEqual([await stateOf(orderId), await balanceOf(tenantId)], ["paid", 25_000_000_000n]);
  assert.equal((await completed(orderId)).length, 1);
});

test("an order that is not paid ends with its time, and whoever pays at the last moment is credited", async () => {
  const tenantId = await createTenant();
  const [unpaid, late] = [await orderOf(tenantId), await orderOf(tenantId)];
  await notify(stripe.account.expire(unpaid.sessionId));
  assert.equal(await stateOf(unpaid.orderId), "expired");
  await notify(stripe.account.eventOf("checkout.session.expired", stripe.account.sessionOf(late.sessionId)));
  await notify(stripe.account.pay(late.sessionId));
  assert.deepEqual([await stateOf(late.orderId), await balanceOf(tenantId)], ["paid", 25_000_000_000n]);
});

test("a request that is repeated with its key makes one order and one session, also after a lost answer", async () => {
  const tenantId = await createTenant();
  const headers = { "idempotency-key": "order-1" };
  const before = stripe.requests.length;
  stripe.break("lose_answer", "lose_answer", "lose_answer");
  const lost = await order(tenantId, "7.50", headers);
  assert.deepEqual([lost.status, lost.json.error.code], [503, "BILLING_036"]);
  const [first, again] = [await order(tenantId, "7.50", headers), await order(tenantId, "7.50", headers)];
  assert.deepEqual([first.status, again.json], [201, first.json]);
  assert.equal(stripe.requests.length - before, 4, "three lost, one answered");
  const { json } = await server.call(`${tenantId}/billing:read`, "GET", "/v1/billing/top-up/orders");
  assert.deepEqual([json.data.length, json.data[0].amount, json.data[0].state], [1, "7.5", "pending"]);
  assert.equal((await order(tenantId, "8", headers)).json.error.code, "KIT_015");
});

test("what is no amount, no currency of ours or leads elsewhere is refused before Stripe hears of it", async () => {
  const tenantId = await createTenant();
  const before = stripe.requests.length;
  const send = (body: object) =>
    server.call(`${tenantId}/billing:*`, "POST", "/v1/billing/top-up/orders", { amount: "5", ...urls, ...body });
  const cases: readonly (readonly [object, string])[] = [
    [{ amount: "0.99" }, "BILLING_006"],
    [{ amount: "10000.01" }, "BILLING_006"],
    [{ amount: "5.001" }, "KIT_002"],
    [{ amount: "-5" }, "KIT_002"],
    [{ currency: "EUR" }, "KIT_002"],
    [{ success_url: "https://evil.example.com/" }, "BILLING_031"],
    [{ success_url: "https://console.example.com.evil.com/" }, "BILLING_031"],
    [{ success_url: "https://console.example.com@evil.com/" }, "BILLING_031"],
    [{ cancel_url: "http://console.example.com/" }, "BILLING_031"],
    [{ cancel_url: "javascript:alert(1)" }, "BILLING_031"],
  ];
  for (const [body, code] of cases) assert.equal((await send(body)).json.error.code, code, JSON.stringify(body));
  assert.equal(stripe.requests.length, before);
});

test("a tenant sees its own orders, an operator sees all, and at most 20 are open", async () => {
  const [tenantId, stranger] = [await createTenant(), await createTenant()];
  const { orderId } = await orderOf(tenantId);
  const get = (token: string, path: string) => server.call(token, "GET", path);
  const own = `/v1/billing/top-up/orders/${orderId}`;
  assert.equal((await get(`${tenantId}/billing:read`, own)).json.id, orderId);
  assert.equal((await get(`${stranger}/*`, own)).json.error.code, "BILLING_032");
  assert.equal((await get(`${stranger}/*`, `/admin/billing/orders/${orderId}`)).status, 403);
  assert.equal((await get(`${stranger}/platform:*`, `/admin/billing/orders/${orderId}`)).json.tenant_id, tenantId);
  const { json } = await get(`${stranger}/platform:*`, `/admin/billing/orders?tenant_id=${tenantId}&state=pending`);
  assert.deepEqual(
    json.data.map((it: { id: string }) => it.id),
    [orderId],
  );
  for (const [number, found] of [
    [orderId, 1],
    ["cs_none", 0],
  ] as const) {
    const listed = await get(`${stranger}/platform:*`, `/admin/billing/orders?number=${number}`);
    assert.equal(listed.json.data.length, found, number);
    assert.equal((await get(`${stranger}/*`, `/v1/billing/top-up/orders?number=${number}`)).json.data.length, 0);
  }
  for (let open = 1; open < 20; open++) assert.equal((await order(tenantId)).status, 201);
  assert.deepEqual([(await order(tenantId)).json.error.code], ["BILLING_033"]);
});

test("where payments are taken, only an operator credits by hand", async () => {
  const tenantId = await createTenant();
  const topUp = (token: string) =>
    server.call(token, "POST", "/v1/billing/top-up", { amount: "1", reference: "by hand" });
  assert.deepEqual(
    [(await topUp(`${tenantId}/*`)).status, (await topUp(`${tenantId}/*,platform:billing`)).status],
    [403, 200],
  );
});

test("without a provider nothing can be ordered, no notification is believed, and the answer says why", async (t) => {
  const plain = await startTestService(t, billing, { clients: {}, clock });
  await plain.ops.createWallet({ tenantId: "ten_plain" });
  const input = { tenantId: "ten_plain", userId: "", amountNanos: 5_000_000_000n, currency: "USD" };
  const isNotOffered = (err: unknown) => isFailure(err, billingFailures.payments_not_offered);
  const { successUrl, cancelUrl } = { successUrl: urls.success_url, cancelUrl: urls.cancel_url };
  await assert.rejects(plain.ops.payments.createOrder({ ...input, successUrl, cancelUrl }), isNotOffered);
  const { body, signature } = signNotification({ id: "evt_1" }, "", clock.nowMs());
  await assert.rejects(plain.ops.payments.takeNotification({ body, signature }), isNotOffered);
  await plain.ops.payments.pollOrders(new AbortController().signal);
});

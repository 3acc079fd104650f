import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { billing } from "./service.ts";

const { ops } = await startTestService({ after }, billing, { clients: {} });
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());
await ops.createWallet({ tenantId: "ten_a" });

async function call(path: string, body?: unknown, token = "ten_a/billing:*") {
  const response = await fetch(`${server.url}/v1/billing/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: JSON.parse(text) };
}

test("a top-up credits once for its reference, and the balance is exact to the nano", async () => {
  const topUp = { amount: "0.123456789", reference: "order 1" };
  const credited = { object: "balance", currency: "USD", available_nanos: "123456789", held_nanos: "0" };
  for (const _ of [1, 2]) {
    assert.deepEqual((await call("top-up", topUp)).json, { ...credited, available: "0.123456789" });
  }
  assert.deepEqual((await call("balance")).json, { ...credited, available: "0.123456789" });
  const reused = await call("top-up", { ...topUp, amount: "1" });
  assert.deepEqual([reused.status, reused.json.error.code], [422, "BILLING_005"]);
});

test("an amount that is no amount is refused in both languages", async () => {
  for (const amount of ["", "-1", "1e3", "0.1234567890", "1,5", "١"]) {
    const { status, json } = await call("top-up", { amount, reference: "order 2" });
    assert.deepEqual([status, json.error.code], [400, "KIT_002"], amount);
    assert.match(json.error.message_i18n.en_US, /^amount: must be a decimal string/);
    assert.match(json.error.message_i18n.zh_CN, /^amount：必须是/);
  }
  for (const amount of ["0", "1000000.000000001"]) {
    const { status, json } = await call("top-up", { amount, reference: "order 2" });
    assert.deepEqual([status, json.error.code], [400, "BILLING_006"], amount);
  }
  const { json } = await call("usage?cursor=nonsense");
  assert.match(json.error.message_i18n.zh_CN, /^cursor：不是此列表的游标/);
});

test("who may only read money cannot make any, and another tenant's money does not exist", async () => {
  const denied = await call("top-up", { amount: "1", reference: "order 3" }, "ten_a/billing:read");
  assert.deepEqual([denied.status, denied.json.error.code], [403, "KIT_005"]);
  const other = await call("balance", undefined, "ten_b/billing:*");
  assert.deepEqual([other.status, other.json.error.code], [404, "BILLING_003"]);
  assert.deepEqual((await call("usage", undefined, "ten_b/billing:*")).json.data, []);
});

test("a top-up with an idempotency key is answered again as it was, and another one with that key is refused", async () => {
  const send = async (key: string, body: object) => {
    const response = await fetch(`${server.url}/v1/billing/top-up`, {
      method: "POST",
      headers: { authorization: "Bearer ten_k/billing:*", "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify(body),
    });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  await ops.createWallet({ tenantId: "ten_k" });
  const first = await send("k1", { amount: "1", reference: "one" });
  assert.equal(first.json.available, "1");
  await send("k2", { amount: "2", reference: "two" });
  assert.deepEqual(await send("k1", { amount: "1", reference: "one" }), first, "as it was then");
  const other = await send("k1", { amount: "5", reference: "three" });
  assert.deepEqual([other.status, other.json.error.code], [422, "KIT_015"]);
  const bad = await send("a b", { amount: "5", reference: "three" });
  assert.deepEqual([bad.status, bad.json.error.details.field], [400, "idempotency-key"]);
  assert.equal((await call("balance", undefined, "ten_k/billing:*")).json.available, "3");
});

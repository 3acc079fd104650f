import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { billing } from "./service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());
await ops.createWallet({ tenantId: "ten_a" });

const call = (path: string, body?: unknown, token = "ten_a/billing:*") =>
  server.call(token, body === undefined ? "GET" : "POST", `/v1/billing/${path}`, body);

test("a top-up credits once for its reference, and the balance is exact to the nano", async () => {
  const topUp = { amount: "0.123456789", reference: "order 1" };
  const credited = {
    ...{ object: "balance", currency: "USD", balance: "0.123456789", available: "0.123456789" },
    ...{ balance_nanos: "123456789", available_nanos: "123456789", held_nanos: "0" },
    ...{ credit_limit_nanos: "0", credit_limit: "0" },
  };
  for (const _ of [1, 2]) assert.deepEqual((await call("top-up", topUp)).json, credited);
  const split = { granted: "0", lasting: "0.123456789", owed: "0", grants: [] };
  assert.deepEqual((await call("balance")).json, { ...credited, ...split });
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

test("usage is summed up over REST by what is asked for, and a range that is no range is refused", async () => {
  const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };
  await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
  await ops.createWallet({ tenantId: "ten_sum" });
  await ops.topUpWallet({ tenantId: "ten_sum", amountNanos: 1_000n, reference: "start", source: "grant" });
  const names = { callId: "call_sum", requestId: "r", tenantId: "ten_sum", keyId: "key_1", userId: "usr_1" };
  const bounds = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };
  await ops.reserveCall({ ...names, ...bounds, provider: "p", model: "m" });
  const end = {
    callId: "call_sum",
    tenantId: "ten_sum",
    outcome: "completed",
    isEstimated: false,
    latencyMs: 1n,
  } as const;
  await ops.settleCall({ ...end, inputTokens: 10n, cachedInputTokens: 2n, outputTokens: 5n });
  await service.untilHeard();
  const used = {
    calls: 1,
    input_tokens: 12,
    cached_input_tokens: 2,
    output_tokens: 5,
    cost_nanos: "20",
    uncollected_nanos: "0",
    ...{ errors: 0, latency_ms: { count: 1, p50: 4, p95: 4, p99: 4 }, first_token_ms: null },
  };
  const groups = { key: "key_1", user: "usr_1", model: "m", provider: "p" };
  for (const [by, group] of Object.entries(groups)) {
    const { json } = await call(
      `usage/summary?group_by=${by}&unit=day`,
      undefined,
      "ten_sum/billing:read,billing:audit",
    );
    const [{ start, ...sum }] = json.data;
    assert.deepEqual([json.data.length, sum], [1, { ...used, group: { [by]: group } }]);
    assert.match(start, /T00:00:00\.000Z$/);
  }
  const { json: all } = await call("usage/summary", undefined, "ten_sum/billing:read,billing:audit");
  assert.deepEqual([all.object, all.data[0].group, all.data[0].calls, all.next_cursor], ["list", {}, 1, null]);
  const { json: both } = await call("usage/summary?group_by=model,key&unit=month", undefined, "ten_sum/billing:*");
  assert.deepEqual(both.data[0].group, { model: "m", key: "key_1" });
  assert.deepEqual((await call("usage/summary", undefined, "ten_other/billing:read")).json.data, []);
  assert.equal((await call("usage/summary", undefined, "ten_sum/model:call")).status, 403);
  const bad = [
    "group_by=color",
    "group_by=model,model",
    "group_by=model,color",
    "unit=week",
    "from=yesterday",
    "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
  ];
  for (const query of [...bad, "limit=1001", "cursor=nonsense"]) {
    assert.equal((await call(`usage/summary?${query}`)).status, 400, query);
  }
});

test("a top-up with an idempotency key is answered again as it was, and another one with that key is refused", async () => {
  const send = async (key: string, body: object) => {
    const headers = { "idempotency-key": key };
    const { status, json } = await server.call("ten_k/billing:*", "POST", "/v1/billing/top-up", body, headers);
    return { status, json };
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

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random, sql } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_admin", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());
const terms = { rates: { input: 1_000_000n, cacheRead: 500_000n, output: 2_000_000n, images: 3_000_000n } };
await ops.putPrices({ tenantId: "", prices: [{ provider: "own", model: "m", terms }] });

async function createTenant(amountNanos = 1_000_000n): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos, reference: "start", source: "grant" });
  return tenantId;
}

async function report(token: string, usage: readonly object[], more: object = {}) {
  const { status, json } = await server.call(token, "POST", "/api/v1/billing/usage", { usage, ...more });
  return { status, json };
}

const useOf = (id: string, more: object = {}) => ({
  ...{ id, provider: "own", model: "m", buckets: { input: 10, cache_read: 4, output: 5, images: 2 } },
  ...more,
});
/** 10 + 2 + 10 + 6. */
const costNanos = 28n;
const balanceOf = async (tenantId: string) => (await ops.getBalance({ tenantId })).balanceNanos;
const rowsOf = async (tenantId: string) =>
  (await sql`select count(*)::int from usage where tenant_id = ${tenantId}`)[0]?.["count"];

test("reported usage is charged by the price book once, with one posting and its event, and shows like any other", async () => {
  const tenantId = await createTenant();
  const startedAt = new Date(Date.now() - 3 * 86_400_000).toISOString();
  const uses = [
    useOf("a", { started_at: startedAt, user_id: "usr_1", tags: { team: "search" } }),
    useOf("b", { service_mode: "batch" }),
  ];
  const first = await report(`${tenantId}/billing:report`, uses);
  assert.equal(first.status, 200, JSON.stringify(first.json));
  assert.deepEqual(
    first.json.data.map(({ id, cost_nanos, repeated }: Record<string, unknown>) => [id, cost_nanos, repeated]),
    [
      ["a", "28", false],
      ["b", "28", false],
    ],
  );
  const again = await report(`${tenantId}/billing:report`, uses.toReversed());
  assert.deepEqual(
    again.json.data,
    first.json.data.toReversed().map((one: object) => ({ ...one, repeated: true })),
  );
  assert.equal(await balanceOf(tenantId), 1_000_000n - 2n * costNanos);
  const postings = await sql`
    select distinct posting_id from entry join wallet on account = 'wallet:' || wallet_id
    where tenant_id = ${tenantId} and amount_nanos < 0`;
  assert.deepEqual([postings.length, postings[0]?.["posting_id"]], [1, first.json.data[0].posting_id]);
  await service.untilHeard();
  const range = { fromMs: Date.parse(startedAt), toMs: undefined };
  const { rows } = await ops.listUsageSummary({ tenantId, ...range, unit: "day", groupBy: ["user"], limit: 10 });
  assert.deepEqual(
    rows.map(({ groups, calls, costNanos: nanos }) => [...groups, calls, nanos]),
    [
      ["usr_1", 1n, costNanos],
      ["", 1n, costNanos],
    ],
  );
  const callId = first.json.data[0].call_id;
  const receipt = await ops.getReceipt({ tenantId, callId });
  const [row] = receipt.attempts;
  assert.deepEqual(
    [row?.usage.requestId, row?.usage.tags, row?.usage.startedAtMs],
    ["a", "team=search", BigInt(Date.parse(startedAt))],
  );
  await assertIntegrity(ops);
});

test("the same reports sent twenty times at once are charged once each", async () => {
  const tenantId = await createTenant();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      report(`${tenantId}/billing:report`, n % 2 === 0 ? [useOf("x"), useOf("y")] : [useOf("y"), useOf("x")]),
    ),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const results = answers.flatMap(({ json }) => json.data as { id: string; call_id: string; repeated: boolean }[]);
  assert.equal(results.filter(({ repeated }) => !repeated).length, 2);
  assert.equal(new Set(results.map(({ id, call_id }) => `${id} ${call_id}`)).size, 2);
  assert.equal(await balanceOf(tenantId), 1_000_000n - 2n * costNanos);
});

test("what a wallet cannot pay, or has no price, is refused whole, and may be reported again", async () => {
  const tenantId = await createTenant(50n);
  const token = `${tenantId}/billing:report`;
  const { status, json } = await report(token, [useOf("a"), useOf("b")]);
  assert.deepEqual([status, json.error.code], [402, "BILLING_071"]);
  const { required, available } = json.error.details;
  assert.deepEqual([required, available], ["0.000000056", "0.00000005"]);
  const unpriced = await report(token, [useOf("a"), useOf("c", { model: "no-price" })]);
  assert.deepEqual([unpriced.status, unpriced.json.error.code], [403, "BILLING_002"]);
  assert.deepEqual([await rowsOf(tenantId), await balanceOf(tenantId)], [0, 50n]);
  await ops.topUpWallet({ tenantId, amountNanos: 6n, reference: "more", source: "grant" });
  assert.equal((await report(token, [useOf("a"), useOf("b")])).status, 200);
  assert.deepEqual([await rowsOf(tenantId), await balanceOf(tenantId)], [2, 0n]);
  await assertIntegrity(ops);
});

test("an id that was used for something else is refused, and is another tenant's own", async () => {
  const [tenantId, other] = [await createTenant(), await createTenant()];
  assert.equal((await report(`${tenantId}/billing:report`, [useOf("a")])).status, 200);
  const changed = await report(`${tenantId}/billing:report`, [useOf("new"), useOf("a", { buckets: { input: 11 } })]);
  assert.deepEqual([changed.status, changed.json.error.code, changed.json.error.details.id], [422, "BILLING_072", "a"]);
  assert.equal(await rowsOf(tenantId), 1, "nothing of the request is recorded");
  const { json } = await report(`${other}/billing:report`, [useOf("a", { buckets: { input: 11 } })]);
  assert.deepEqual([json.data[0].cost_nanos, json.data[0].repeated], ["11", false]);
});

test("only who may reports, for another tenant only who operates the platform, and what is no usage is refused by field", async () => {
  const tenantId = await createTenant();
  assert.equal((await report(`${tenantId}/billing:read,billing:audit,model:call`, [useOf("a")])).status, 403);
  assert.equal((await report("ten_other/billing:report", [useOf("a")], { tenant_id: tenantId })).status, 403);
  const operator = "ten_other/billing:report,platform:billing";
  assert.equal((await report(operator, [useOf("a")], { tenant_id: tenantId })).status, 200);
  assert.equal((await report(operator, [useOf("a")], { tenant_id: "ten_nobody" })).status, 404);
  const dayMs = 86_400_000;
  const bad: readonly (readonly [usage: readonly object[], field: string])[] = [
    [[], "usage"],
    [[useOf("a"), useOf("a")], "usage"],
    [Array.from({ length: 201 }, (_, n) => useOf(`${n}`)), "usage"],
    [[useOf("b", { buckets: {} })], "usage.0.buckets"],
    [[useOf("b", { buckets: { input: -1 } })], "usage.0.buckets.input"],
    [[useOf("b", { buckets: { smiles: 1 } })], "usage.0.buckets"],
    [[useOf("b", { tags: { Team: "x" } })], "usage.0.tags"],
    [[useOf("b", { cost: "1" })], "usage.0"],
    [[useOf("b", { started_at: new Date(Date.now() - 31 * dayMs).toISOString() })], "started_at"],
    [[useOf("b", { started_at: new Date(Date.now() + dayMs).toISOString() })], "started_at"],
  ];
  for (const [usage, field] of bad) {
    const { status, json } = await report(`${tenantId}/billing:report`, usage);
    assert.equal(status, 400, field);
    assert.ok(String(json.error.details.field).startsWith(field), `${json.error.details.field} for ${field}`);
  }
});

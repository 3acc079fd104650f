import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "./assert-integrity.ts";
import { billing } from "./service.ts";

const fake = createFakeClock();
/** The date is set by the test; what waits waits as always. */
const clock = { ...systemClock, nowMs: fake.nowMs };
const service = await startTestService({ after }, billing, { clients: {}, clock });
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
/** One nano per input token. */
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

let lastId = 0;
async function createTenant(balanceNanos = 0n): Promise<string> {
  const tenantId = `ten_${++lastId}`;
  await ops.createWallet({ tenantId });
  if (balanceNanos > 0n)
    await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "manual" });
  return tenantId;
}

async function hold(tenantId: string, nanos: bigint): Promise<string> {
  const callId = `call_${++lastId}`;
  const names = { callId, requestId: "r", tenantId, keyId: "k", userId: "u", provider: "p", model: "m" };
  await ops.reserveCall({ ...names, inputTokens: nanos, maxOutputTokens: 1n, minOutputTokens: 1n, choices: 1n });
  return callId;
}

async function settle(tenantId: string, callId: string, nanos: bigint): Promise<void> {
  const end = { callId, tenantId, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
  await ops.settleCall({ ...end, inputTokens: nanos, cachedInputTokens: 0n, outputTokens: 0n });
}

async function spend(tenantId: string, nanos: bigint): Promise<string> {
  const callId = await hold(tenantId, nanos);
  await settle(tenantId, callId, nanos);
  return callId;
}

const dayMs = 86_400_000;
const cause = (reference: string) => ({ reference, reason: "test", userId: "usr_op" });
const grant = (tenantId: string, amountNanos: bigint, days: number, reference = `g${++lastId}`) =>
  ops.grants.createGrant({
    tenantId,
    amountNanos,
    expiresAt: new Date(clock.nowMs() + days * dayMs),
    ...cause(reference),
  });
const expire = () => ops.grants.expire(new AbortController().signal);
const balanceOf = async (tenantId: string) => (await ops.getBalance({ tenantId })).balanceNanos;
const leftOf = async (tenantId: string) =>
  (await ops.grants.listOpen((await ops.getBalance({ tenantId })).walletId)).map(({ leftNanos }) => leftNanos);

async function assertBalanced(): Promise<void> {
  await assertIntegrity(ops);
  const [sums] = await service.sql`
    select (select coalesce(sum(amount_nanos), 0)::text from entry) as total,
      (select count(*)::integer from wallet where spent_nanos <> coalesce((
        select -sum(amount_nanos) from entry join posting using (posting_id)
        where account = 'wallet:' || wallet_id and kind in ('charge', 'usage')), 0)) as misspent`;
  assert.deepEqual([sums?.["total"], sums?.["misspent"]], ["0", 0]);
}

test("granted credit is spent before other money, what ends first first, and what is left of it ends", async () => {
  const tenantId = await createTenant(1_000n);
  await grant(tenantId, 300n, 10);
  await spend(tenantId, 50n);
  await grant(tenantId, 200n, 5);
  assert.deepEqual(await leftOf(tenantId), [200n, 250n]);
  await spend(tenantId, 120n);
  assert.deepEqual(await leftOf(tenantId), [80n, 250n]);
  fake.advance(5 * dayMs);
  await Promise.all([expire(), expire()]);
  assert.deepEqual([await balanceOf(tenantId), await leftOf(tenantId)], [1_250n, [250n]]);
  await spend(tenantId, 260n);
  fake.advance(5 * dayMs);
  await expire();
  assert.deepEqual([await balanceOf(tenantId), await leftOf(tenantId)], [990n, []]);
  const expired = (await service.listEvents()).filter(
    (it) => it.type === "billing.grant.expired" && it.data["tenantId"] === tenantId,
  );
  assert.deepEqual(
    expired.map((it) => it.data["expiredNanos"]),
    ["80"],
  );
  await assertBalanced();
});

test("what calls hold does not end under them: they spend it, and what they give back ends then", async () => {
  const tenantId = await createTenant();
  await grant(tenantId, 100n, 1);
  const [first, second] = [await hold(tenantId, 60n), await hold(tenantId, 30n)];
  fake.advance(dayMs);
  await expire();
  assert.equal(await balanceOf(tenantId), 90n);
  await settle(tenantId, first, 60n);
  await expire();
  assert.deepEqual([await balanceOf(tenantId), await leftOf(tenantId)], [30n, [30n]]);
  await settle(tenantId, second, 5n);
  await expire();
  assert.deepEqual([await balanceOf(tenantId), await leftOf(tenantId)], [0n, []]);
  await assertBalanced();
});

test("a grant is given once for its reference, and what cannot be one is refused", async () => {
  const tenantId = await createTenant();
  const expiresAt = new Date(clock.nowMs() + dayMs);
  const input = { tenantId, amountNanos: 7n, expiresAt, ...cause("once") };
  const granted = await Promise.all(Array.from({ length: 10 }, () => ops.grants.createGrant(input)));
  assert.equal(new Set(granted.map(({ grantId }) => grantId)).size, 1);
  assert.equal(await balanceOf(tenantId), 7n);
  const refused = [
    [{ ...input, amountNanos: 8n }, billingFailures.reference_reused],
    [{ ...input, reference: "past", expiresAt: new Date(clock.nowMs()) }, billingFailures.expiry_in_past],
    [{ ...input, reference: "none", amountNanos: 0n }, billingFailures.amount_out_of_range],
    [{ ...input, tenantId: "ten_none" }, billingFailures.wallet_not_found],
  ] as const;
  for (const [bad, failure] of refused) {
    await assert.rejects(ops.grants.createGrant(bad), (err) => isFailure(err, failure), failure.code);
  }
});

test("the balance shows what ends and when, and what does not", async () => {
  const tenantId = await createTenant(1_000_000_000n);
  const { grantId } = await grant(tenantId, 500_000_000n, 3);
  await spend(tenantId, 100_000_000n);
  const { json } = await server.call(`${tenantId}/billing:read`, "GET", "/v1/billing/balance");
  assert.deepEqual([json.balance, json.granted, json.lasting], ["1.4", "0.4", "1"]);
  assert.deepEqual(json.grants, [
    { id: grantId, left: "0.4", expires_at: new Date(clock.nowMs() + 3 * dayMs).toISOString() },
  ]);
});

const codesOf = (more: object = {}) =>
  ops.codes.createCodes({
    ...{ name: "spring", amountNanos: 25n, count: 3, prefix: "SPRING", maxUses: 1, isOncePerTenant: false },
    ...{ expiresAt: null, userId: "usr_op", ...more },
  });
const redeem = (tenantId: string, code: string) => ops.codes.redeem({ tenantId, userId: "usr_a", code });
const endings = async (tries: readonly Promise<unknown>[]) => {
  const codes = (await Promise.allSettled(tries)).map((it) =>
    it.status === "fulfilled" ? "redeemed" : isFailure(it.reason) ? it.reason.type.code : String(it.reason),
  );
  return Object.fromEntries(
    Map.groupBy(codes, (code) => code)
      .entries()
      .map(([code, all]) => [code, all.length]),
  );
};

test("of 100 claims at once on a code, by one tenant or by as many, one is credited", async () => {
  const { codes } = await codesOf();
  const tenants = await Promise.all(Array.from({ length: 100 }, () => createTenant()));
  const [forOne = "", forAll = ""] = codes;
  const [own = ""] = tenants;
  const byOne = await endings(Array.from({ length: 100 }, () => redeem(own, forOne)));
  assert.deepEqual(byOne, { redeemed: 1, "billing.code_redeemed_before": 29, "resilience.rate_limited": 70 });
  fake.advance(60_000);
  const others = tenants.slice(1);
  const byMany = await endings(others.map((tenantId) => redeem(tenantId, forAll)));
  assert.deepEqual(byMany, { redeemed: 1, "billing.code_invalid": 98 });
  const balances = await Promise.all(tenants.map(balanceOf));
  assert.equal(
    balances.reduce((sum, nanos) => sum + nanos, 0n),
    50n,
  );
  await assertBalanced();
});

test("a code with several uses is for several tenants; a batch for one each gives each tenant one", async () => {
  const [a, b, c] = [await createTenant(), await createTenant(), await createTenant()];
  const [shared = ""] = (await codesOf({ count: 1, maxUses: 2 })).codes;
  assert.deepEqual(await endings([redeem(a, shared), redeem(b, shared)]), { redeemed: 2 });
  assert.deepEqual(await endings([redeem(c, shared)]), { "billing.code_invalid": 1 });
  const { codes } = await codesOf({ isOncePerTenant: true });
  const claimed = await endings(codes.map((code) => redeem(c, code)));
  assert.deepEqual(claimed, { redeemed: 1, "billing.code_redeemed_before": 2 });
  assert.equal(await balanceOf(c), 25n);
});

test("a code that is unknown, ended or disabled is answered alike, and is written as people write it", async () => {
  const tenantId = await createTenant();
  const { batch, codes } = await codesOf({ expiresAt: new Date(clock.nowMs() + dayMs) });
  const [first = "", second = "", third = ""] = codes;
  assert.match(first, /^SPRING(-[0-9A-HJKMNP-TV-Z]{5}){4}$/);
  await redeem(tenantId, ` ${first.toLowerCase().replaceAll("-", " ").replaceAll("0", "o").replaceAll("1", "l")} `);
  await ops.codes.disable({ batchId: batch.batchId });
  const disabled = await ops.codes.disable({ batchId: batch.batchId });
  assert.equal(disabled.redemptions, 1);
  const other = await codesOf({ expiresAt: new Date(clock.nowMs() + dayMs) });
  fake.advance(dayMs);
  const bad = [second, third, other.codes[0] ?? "", "SPRING-00000-00000-00000-00000", "'; drop table code"];
  assert.deepEqual(await endings(bad.map((code) => redeem(tenantId, code))), { "billing.code_invalid": 5 });
});

test("codes are shown once, to operators alone, and do not stand in the database", async () => {
  const body = { name: "once", amount: "10", count: 2 };
  const create = (token: string) =>
    server.call(token, "POST", "/admin/billing/codes", body, { "idempotency-key": "batch-1" });
  assert.equal((await create("ten_x/*")).status, 403);
  const [first, again] = [await create("ten_x/platform:billing"), await create("ten_x/platform:billing")];
  assert.deepEqual([first.status, again.json], [201, first.json]);
  const { json } = await server.call("ten_x/platform:billing", "GET", "/admin/billing/codes?limit=1");
  assert.deepEqual([json.data[0].id, json.data[0].codes, json.data[0].redemptions], [first.json.id, undefined, 0]);
  const [dump] =
    await service.sql`select string_agg(code::text, '') || string_agg(code_batch::text, '') as text from code, code_batch`;
  for (const code of first.json.codes as string[]) assert.ok(!String(dump?.["text"]).includes(code.slice(-11)));
  const tenantId = await createTenant();
  const redeemed = await server.call(`${tenantId}/*`, "POST", "/v1/billing/redeem", { code: first.json.codes[0] });
  assert.deepEqual(redeemed.json, { object: "redemption", amount: "10", currency: "USD", balance: "10" });
});

test("an operator's adjustment happens once, takes no more than is available, and grants shrink to what is left", async () => {
  const tenantId = await createTenant(100n);
  await grant(tenantId, 50n, 9);
  await hold(tenantId, 30n);
  const adjust = (amountNanos: bigint, reference: string) =>
    ops.corrections.adjustWallet({ tenantId, amountNanos, ...cause(reference) });
  await assert.rejects(adjust(-121n, "a"), (err) => isFailure(err, billingFailures.amount_unavailable));
  await Promise.all(Array.from({ length: 10 }, () => adjust(-110n, "b")));
  assert.deepEqual([await balanceOf(tenantId), await leftOf(tenantId)], [40n, [40n]]);
  await adjust(5n, "c");
  assert.deepEqual([await balanceOf(tenantId), await leftOf(tenantId)], [45n, [40n]]);
  await assert.rejects(adjust(6n, "c"), (err) => isFailure(err, billingFailures.reference_reused));
  const path = `/admin/billing/wallets/${tenantId}/adjustments`;
  const byRest = await server.call("x/platform:*", "POST", path, {
    amount: "-0.000000005",
    reference: "d",
    reason: "r",
  });
  assert.deepEqual([byRest.status, byRest.json.balance], [200, "0.00000004"]);
  await assertBalanced();
});

test("a call is refunded at most what it cost, over all refunds, and each reference once", async () => {
  const tenantId = await createTenant(100n);
  const callId = await spend(tenantId, 60n);
  const refund = (amountNanos: bigint | undefined, reference: string) =>
    ops.corrections.refundCall({ callId, amountNanos, ...cause(reference) });
  const same = await Promise.all(Array.from({ length: 20 }, () => refund(25n, "a")));
  assert.equal(new Set(same.map(({ refundId }) => refundId)).size, 1);
  assert.equal(await balanceOf(tenantId), 65n);
  await assert.rejects(refund(36n, "b"), (err) => isFailure(err, billingFailures.refund_too_large));
  const rest = await endings(Array.from({ length: 20 }, (_, i) => refund(undefined, `rest ${i}`)));
  assert.deepEqual(rest, { redeemed: 1, "billing.refund_too_large": 19 });
  assert.equal(await balanceOf(tenantId), 100n);
  await assert.rejects(refund(24n, "a"), (err) => isFailure(err, billingFailures.reference_reused));
  const none = ops.corrections.refundCall({ callId: "call_none", amountNanos: undefined, ...cause("x") });
  await assert.rejects(none, (err) => isFailure(err, billingFailures.call_not_found));
  const refunded = (await service.listEvents()).filter(
    (it) => it.type === "billing.refund.completed" && it.data["callId"] === callId,
  );
  assert.deepEqual(
    refunded.map((it) => it.data["amountNanos"]),
    ["25", "35"],
  );
  await assertBalanced();
});

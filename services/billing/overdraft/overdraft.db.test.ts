import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { changeMoney, moneyGrant } from "../lease-test-changes.ts";
import { billing } from "../service.ts";

const usd = 1_000_000_000n;
const config = { billing: { reserveWaitMs: 0, lowBalance: "0.5" } };
const service = await startTestService({ after }, billing, { clients: {}, config });
const { ops, random } = service;
/** A dollar for each token put out. */
const rates = { inputNanosPerMillion: 0n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 1_000_000n * usd };
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

await ops.putPlan({ name: "credit", description: "", markupPpm: 0, maxCreditLimitNanos: 20n * usd });

async function createTenant(amountNanos: bigint) {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.assignPlan({ name: "credit", tenantId });
  await ops.topUpWallet({ tenantId, amountNanos, reference: "start", source: "manual" });
  return tenantId;
}

const limit = (tenantId: string, limitNanos: bigint, reference: string) =>
  ops.setCreditLimit({ tenantId, limitNanos, reference, reason: "test", userId: "usr_op" });
const isFailing = (failure: (typeof billingFailures)[keyof typeof billingFailures]) => (err: unknown) =>
  isFailure(err, failure);
const topUp = (tenantId: string, amountNanos: bigint) =>
  ops.topUpWallet({ tenantId, amountNanos, reference: random.id("req"), source: "manual" });

/** What the tenant has, less than nothing while it is overdrawn. */
async function ownOf(tenantId: string): Promise<bigint> {
  const { balanceNanos, creditLimitNanos } = await ops.getBalance({ tenantId });
  return balanceNanos - creditLimitNanos;
}

async function call(tenantId: string): Promise<void> {
  const callId = random.id("call");
  const names = { callId, tenantId, requestId: "r", keyId: "k", userId: "u", provider: "p", model: "m" };
  await ops.reserveCall({ ...names, inputTokens: 0n, maxOutputTokens: 1n, minOutputTokens: 1n, choices: 1n });
  const ended = { callId, tenantId, outcome: "completed", isEstimated: false, latencyMs: 1n } as const;
  await ops.settleCall({ ...ended, inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 1n });
}

async function eventsOf(tenantId: string): Promise<readonly string[]> {
  const events = (await service.listEvents()).filter(({ data }) => data["tenantId"] === tenantId);
  return events.map(({ type }) => type).filter((type) => /overdraft|credit_limit|balance\.low/.test(type));
}

test("B1: with a credit limit exactly as many calls are admitted as money and limit pay for, and what comes in repays it first", async () => {
  const tenantId = await createTenant(2n * usd);
  await limit(tenantId, 5n * usd, "a");
  const results = await Promise.allSettled(Array.from({ length: 40 }, () => call(tenantId)));
  const refused = results.flatMap((it) => (it.status === "rejected" ? [it.reason] : []));
  assert.equal(refused.length, 33);
  assert.ok(refused.every(isFailing(billingFailures.insufficient_balance)));
  assert.equal(await ownOf(tenantId), -5n * usd);
  await topUp(tenantId, 3n * usd);
  assert.equal(await ownOf(tenantId), -2n * usd);
  await topUp(tenantId, 3n * usd);
  assert.equal(await ownOf(tenantId), usd);
  const said = (await eventsOf(tenantId)).toSorted();
  assert.deepEqual(said, [
    "billing.balance.low",
    "billing.credit_limit.changed",
    "billing.overdraft.entered",
    "billing.overdraft.repaid",
  ]);
  await assertIntegrity(ops);
});

test("a limit is set once for its reference, is none at first, and is lowered only by what is free of it", async () => {
  const tenantId = await createTenant(usd);
  await call(tenantId);
  await assert.rejects(call(tenantId), isFailing(billingFailures.insufficient_balance));
  const set = await Promise.all(Array.from({ length: 8 }, () => limit(tenantId, 4n * usd, "a")));
  assert.deepEqual(
    new Set(set.map(({ limitNanos, beforeNanos }) => `${limitNanos} ${beforeNanos}`)),
    new Set([`${4n * usd} 0`]),
  );
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 4n * usd);
  await assert.rejects(limit(tenantId, usd, "a"), isFailing(billingFailures.reference_reused));
  await assert.rejects(limit(tenantId, -1n, "b"), isFailing(billingFailures.amount_out_of_range));
  await assert.rejects(limit("ten_none", usd, "b"), isFailing(billingFailures.wallet_not_found));
  await call(tenantId);
  await assert.rejects(limit(tenantId, usd - 1n, "c"), isFailing(billingFailures.amount_unavailable));
  await limit(tenantId, usd, "d");
  assert.equal(await ownOf(tenantId), -usd);
  await assert.rejects(call(tenantId), isFailing(billingFailures.insufficient_balance));
  await topUp(tenantId, usd);
  await limit(tenantId, 0n, "e");
  assert.deepEqual([await ownOf(tenantId), (await ops.getBalance({ tenantId })).balanceNanos], [0n, 0n]);
  await assertIntegrity(ops);
});

test("there is credit only as far as the tenant's plan says so; what was given is kept and can be lowered", async () => {
  const tenantId = await createTenant(usd);
  const tooMuch = isFailing(billingFailures.credit_not_in_plan);
  await assert.rejects(limit(tenantId, 20n * usd + 1n, "a"), tooMuch);
  await limit(tenantId, 20n * usd, "b");
  await ops.unassignPlan({ name: "credit", tenantId });
  await assert.rejects(limit(tenantId, 21n * usd, "c"), tooMuch);
  assert.equal((await limit(tenantId, 20n * usd, "b")).limitNanos, 20n * usd, "a repeat");
  await limit(tenantId, 15n * usd, "d");
  await assert.rejects(limit(tenantId, 16n * usd, "e"), (err) => {
    assert.ok(isFailure(err, billingFailures.credit_not_in_plan));
    assert.deepEqual([err.details["requested"], err.details["allowed"]], ["16", "0"]);
    return true;
  });
  await limit(tenantId, 0n, "f");
});

test("a plan keeps its bound of credit unless it is given another one, within what a limit may be", async () => {
  const plan = { name: "bound", description: "", markupPpm: 0 };
  assert.equal((await ops.putPlan(plan)).maxCreditLimitNanos, 0n);
  const { version } = await ops.putPlan({ ...plan, maxCreditLimitNanos: 7n * usd });
  const kept = await ops.putPlan({ ...plan, markupPpm: 5 });
  assert.deepEqual([kept.maxCreditLimitNanos, kept.version], [7n * usd, version + 1]);
  assert.equal((await ops.putPlan({ ...plan, markupPpm: 5, maxCreditLimitNanos: 0n })).maxCreditLimitNanos, 0n);
  for (const maxCreditLimitNanos of [-1n, 1_000_000n * usd + 1n]) {
    await assert.rejects(ops.putPlan({ ...plan, maxCreditLimitNanos }), isFailing(billingFailures.amount_out_of_range));
  }
});

test("what is lent is spent by calls and by nothing else, and a lease may have a part of it", async () => {
  const tenantId = await createTenant(usd);
  await limit(tenantId, 15n * usd, "a");
  const cause = { reference: "take", reason: "test", userId: "usr_op" };
  const taking = ops.corrections.adjustWallet({ tenantId, amountNanos: -usd - 1n, ...cause });
  await assert.rejects(taking, isFailing(billingFailures.amount_unavailable));
  await ops.corrections.adjustWallet({ tenantId, amountNanos: -usd, ...cause });
  const lease = { leaseId: random.id("lse"), nodeId: "node_1", tenantId };
  assert.equal(await changeMoney(ops, moneyGrant(lease, { wantNanos: 9n * usd })), (15n * usd) / 8n);
  await assertIntegrity(ops);
});

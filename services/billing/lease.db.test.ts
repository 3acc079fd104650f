import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "./assert-integrity.ts";
import type { Fact } from "./fact.ts";
import { changeMoney, moneyGrant, moneyReturn } from "./lease-test-changes.ts";
import { billing } from "./service.ts";

let lastId = 0;
const leaseTtlMs = 2_000;
const config = { billing: { reserveWaitMs: 2_000, leaseTtlMs, lowBalance: "0.000001" } };
const service = await startTestService({ after }, billing, { clients: {}, config });
const { ops } = service;
/** One nano per input token, two per output token. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_000_000n,
};
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
const priceId = price?.priceId ?? "";

async function createTenant(balanceNanos: bigint): Promise<string> {
  const tenantId = `ten_${++lastId}`;
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  return tenantId;
}

const nodeId = "node_1";
const grantOf = (tenantId: string, wantNanos: bigint, changeNumber = 1, leastNanos = 1n) =>
  moneyGrant({ leaseId: `lse_${tenantId}`, nodeId, tenantId }, { changeNumber, wantNanos, leastNanos });
const returnOf = (tenantId: string, amountNanos: bigint, changeNumber: number) =>
  moneyReturn({ leaseId: `lse_${tenantId}`, nodeId, tenantId }, { changeNumber, amountNanos });

/** A call that cost 100 nanos. */
function factOf(tenantId: string, more: Partial<Fact> = {}): Fact {
  return {
    ...{ callId: `call_${++lastId}`, attempt: 1, leaseId: `lse_${tenantId}`, requestId: "req_1", tenantId },
    ...{ keyId: "key_1", userId: "usr_1", provider: "p", model: "m", priceId, outcome: "completed" },
    ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 45n, isEstimated: false, latencyMs: 5n },
    startedAtMs: 1_700_000_000_000n,
    ...more,
  };
}

async function moneyOf(tenantId: string): Promise<[balanceNanos: bigint, heldNanos: bigint]> {
  const { balanceNanos, heldNanos } = await ops.getBalance({ tenantId });
  return [balanceNanos, heldNanos];
}

async function assertBalanced(): Promise<void> {
  await assertIntegrity(ops);
  const [sums] = await service.sql`select coalesce(sum(amount_nanos), 0)::text as total from entry`;
  assert.equal(sums?.["total"], "0");
}

test("a node gets at most an eighth of what is available, and nothing where that is of no use to it", async () => {
  const tenantId = await createTenant(8_000n);
  assert.equal(await changeMoney(ops, grantOf(tenantId, 5_000n)), 1_000n);
  assert.equal(await changeMoney(ops, grantOf(tenantId, 300n, 2)), 300n);
  assert.equal(await changeMoney(ops, grantOf(tenantId, 5_000n, 3, 838n)), 0n);
  assert.equal(await changeMoney(ops, grantOf(tenantId, 5_000n, 4, 837n)), 837n);
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 2_137n]);
  await assertBalanced();
});

test("a repeated change is told the first answer and happens once; an older one, and another node's, is refused", async () => {
  const tenantId = await createTenant(8_000n);
  const granted = await Promise.all(Array.from({ length: 5 }, () => changeMoney(ops, grantOf(tenantId, 900n))));
  assert.deepEqual(granted, [900n, 900n, 900n, 900n, 900n]);
  assert.equal(await changeMoney(ops, returnOf(tenantId, 400n, 2)), -400n);
  assert.equal(await changeMoney(ops, returnOf(tenantId, 400n, 2)), -400n);
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 500n]);
  for (const change of [grantOf(tenantId, 1n), { ...grantOf(tenantId, 1n, 3), nodeId: "node_2" }]) {
    await assert.rejects(ops.changeLease(change), (err) => isFailure(err, billingFailures.lease_not_found));
  }
  assert.equal(await changeMoney(ops, returnOf(tenantId, 9_999n, 3)), -500n);
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 0n]);
  await assertBalanced();
});

test("facts are charged once however often and in whatever company they are posted", async () => {
  const tenantId = await createTenant(8_000n);
  await ops.changeLease(grantOf(tenantId, 1_000n));
  const facts = Array.from({ length: 5 }, () => factOf(tenantId));
  assert.deepEqual(await ops.postFacts({ facts }), { uncollectedNanos: 0n, repeated: 0 });
  assert.deepEqual(await moneyOf(tenantId), [7_500n, 500n]);
  const more = factOf(tenantId);
  assert.deepEqual(await ops.postFacts({ facts: [...facts, more, more] }), { uncollectedNanos: 0n, repeated: 6 });
  await Promise.all(Array.from({ length: 8 }, () => ops.postFacts({ facts: [...facts, more] })));
  assert.deepEqual(await moneyOf(tenantId), [7_400n, 400n]);
  const { rows } = await ops.listUsage({ tenantId, limit: 50 });
  assert.equal(rows.length, 6);
  const [posted] = await service.sql`
    select count(distinct posting_id)::int as postings, sum(amount_nanos)::int as revenue from posting join entry using (posting_id)
    where account = 'revenue' and posting_id in (select posting_id from usage where tenant_id = ${tenantId})`;
  assert.deepEqual({ ...posted }, { postings: 2, revenue: 600 });
  await assertBalanced();
});

test("each attempt of a call is a fact of its own", async () => {
  const tenantId = await createTenant(8_000n);
  await ops.changeLease(grantOf(tenantId, 1_000n));
  const failed = factOf(tenantId, { outcome: "failed", inputTokens: 0n, outputTokens: 0n });
  await ops.postFacts({ facts: [failed, { ...factOf(tenantId), callId: failed.callId, attempt: 2 }] });
  assert.deepEqual(await moneyOf(tenantId), [7_900n, 900n]);
  await assertBalanced();
});

test("what a call cost beyond its lease comes from what is available, and beyond that is uncollected", async () => {
  const tenantId = await createTenant(800n);
  await ops.changeLease(grantOf(tenantId, 100n));
  await ops.changeLease({ ...grantOf(tenantId, 50n), leaseId: `other_${tenantId}`, nodeId: "node_2" });
  const dear = factOf(tenantId, { outputTokens: 500n });
  assert.deepEqual(await ops.postFacts({ facts: [dear] }), { uncollectedNanos: 260n, repeated: 0 });
  // The other node's 50 are its own.
  assert.deepEqual(await moneyOf(tenantId), [50n, 50n]);
  await assertBalanced();
});

test("a lease of a node that is silent is freed after its time and the grace, and what it posts later is charged", async () => {
  const tenantId = await createTenant(8_000n);
  await ops.changeLease(grantOf(tenantId, 1_000n));
  const leaseIds = [`lse_${tenantId}`];
  await service.sql`update lease set expires_at = now() - interval '1 second' where tenant_id = ${tenantId}`;
  await ops.expireLeases();
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 1_000n]);
  assert.deepEqual(await ops.extendLeases({ nodeId: "node_2", leaseIds }), []);
  assert.deepEqual(await ops.extendLeases({ nodeId, leaseIds }), leaseIds);
  await service.sql`update lease set expires_at = now() - interval '3 seconds' where tenant_id = ${tenantId}`;
  await Promise.all([ops.expireLeases(), ops.expireLeases()]);
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 0n]);
  assert.deepEqual(await ops.extendLeases({ nodeId, leaseIds }), []);
  await ops.postFacts({ facts: [factOf(tenantId)] });
  assert.deepEqual(await moneyOf(tenantId), [7_900n, 0n]);
  await assertBalanced();
});

test("a lease that was freed is not revived: its node is told so, and what it believes to have is no one's", async () => {
  const tenantId = await createTenant(8_000n);
  await ops.changeLease(grantOf(tenantId, 900n));
  await service.sql`update lease set expires_at = '-infinity' where tenant_id = ${tenantId}`;
  await ops.expireLeases();
  for (const change of [grantOf(tenantId, 100n, 2), returnOf(tenantId, 900n, 2)]) {
    await assert.rejects(ops.changeLease(change), (err) => isFailure(err, billingFailures.lease_not_found));
  }
  assert.deepEqual(await ops.extendLeases({ nodeId, leaseIds: [`lse_${tenantId}`] }), []);
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 0n]);
});

test("a change that is repeated after a lost answer keeps the lease alive, as its node believes", async () => {
  const tenantId = await createTenant(8_000n);
  await ops.changeLease(grantOf(tenantId, 900n));
  await service.sql`update lease set expires_at = '-infinity' where tenant_id = ${tenantId}`;
  assert.equal(await changeMoney(ops, grantOf(tenantId, 900n)), 900n);
  await ops.expireLeases();
  assert.deepEqual(await moneyOf(tenantId), [8_000n, 900n]);
});

test("a call that finds the money in leases waits, the nodes are told, and it goes on when the money is back", async () => {
  const tenantId = await createTenant(800n);
  await ops.changeLease(grantOf(tenantId, 100n));
  const call = {
    ...{ callId: `call_${++lastId}`, tenantId, requestId: "req_1", keyId: "key_1", userId: "usr_1" },
    ...{ provider: "p", model: "m", inputTokens: 10n, maxOutputTokens: 395n, minOutputTokens: 395n, choices: 1n },
  };
  const reserving = ops.reserveCall(call);
  const isRecalled = async () =>
    (await service.listEvents()).some(({ type, key }) => type === "billing.money.recalled" && key === tenantId);
  while (!(await isRecalled())) await new Promise((resolve) => setImmediate(resolve));
  // No node gets any of it meanwhile.
  assert.equal(await changeMoney(ops, grantOf(tenantId, 10n, 2, 0n)), 0n);
  await ops.changeLease(returnOf(tenantId, 100n, 3));
  assert.equal((await reserving).amountNanos, 800n);
  await assertBalanced();
});

test("B4, B5: grants, returns, facts, heart-beats and expiry that race leave every nano in one place", async () => {
  const tenantId = await createTenant(1_000_000n);
  const nodes = Array.from({ length: 4 }, (_, i) => ({ nodeId: `n${i}`, leaseId: `race_${i}_${tenantId}` }));
  let charged = 0n;
  await Promise.all(
    nodes.map(async (node) => {
      for (let round = 0; round < 20; round++) {
        const changeNumber = 2 * round + 1;
        await ops.changeLease({ ...grantOf(tenantId, 2_000n, changeNumber), ...node }).catch(ignoreGone);
        const facts = Array.from({ length: 5 }, () => factOf(tenantId, { leaseId: node.leaseId }));
        charged += 500n;
        await Promise.all([
          ops.postFacts({ facts }),
          ops.postFacts({ facts: facts.slice(2) }),
          ops.extendLeases({ nodeId: node.nodeId, leaseIds: [node.leaseId] }),
          ops.changeLease({ ...returnOf(tenantId, 700n, changeNumber + 1), ...node }).catch(ignoreGone),
        ]);
        if (round === 10) {
          await service.sql`update lease set expires_at = '-infinity' where lease_id = ${node.leaseId}`;
          await ops.expireLeases();
        }
      }
    }),
  );
  await assertBalanced();
  assert.equal((await moneyOf(tenantId))[0], 1_000_000n - charged);
});

function ignoreGone(err: unknown): void {
  if (!isFailure(err, billingFailures.lease_not_found)) throw err;
}

test("known work has all its money set aside at once, for as long as it says, or hears what is missing", async () => {
  const tenantId = await createTenant(1_000n);
  const whole = (wantNanos: bigint) => ({
    ...grantOf(tenantId, wantNanos, 1, wantNanos),
    isWhole: true,
    lifetimeMs: 60_000n,
  });
  await assert.rejects(ops.changeLease(whole(1_001n)), (err) => {
    assert.ok(isFailure(err, billingFailures.insufficient_balance));
    assert.equal(err.details["available"], "0.000001");
    return true;
  });
  assert.deepEqual(await moneyOf(tenantId), [1_000n, 0n]);
  assert.equal(await changeMoney(ops, whole(900n)), 900n);
  await ops.postFacts({ facts: [factOf(tenantId)] });
  assert.equal(await changeMoney(ops, whole(900n)), 900n, "a repeat, though less is available by now");
  assert.deepEqual(await moneyOf(tenantId), [900n, 800n]);
  const [row] =
    await service.sql`select expires_at > now() + interval '50 seconds' as lasts from lease where tenant_id = ${tenantId}`;
  assert.equal(row?.["lasts"], true);
  assert.equal(await ops.closeLeases({ nodeId, leaseIds: [`lse_${tenantId}`] }), 800n);
  assert.deepEqual(await moneyOf(tenantId), [900n, 0n]);
  const poor = { ...whole(100n), changeNumber: 1, leaseId: `lse_capped_${tenantId}` };
  await ops.setBudget({
    ...{ tenantId, scopeKind: "tenant", scopeId: tenantId },
    limit: { unit: "money", limit: 150n, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [] },
  });
  await assert.rejects(ops.changeLease({ ...poor, ...{ want: { money: 151n, tokens: 0n, calls: 0n } } }), (err) =>
    isFailure(err, billingFailures.budget_exceeded),
  );
  await assertBalanced();
});

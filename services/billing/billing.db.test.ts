import assert from "node:assert/strict";
import { after, test } from "node:test";
import { tenantCreated, tenantDiscarded } from "@lyss/contracts/events/tenant.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "./assert-integrity.ts";
import type { SettleRequest } from "./ledger-requests.ts";
import { noTokens } from "./model.ts";
import { billing } from "./service.ts";

let lastId = 0;

/** One nano per input token, two per output token, half a nano for cached input. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_000_000n,
};

const config = { billing: { reserveWaitMs: 6_000, lowBalance: "0.000001" } };
const service = await startTestService({ after }, billing, { clients: {}, config });
const { ops } = service;
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

async function createTenant(balanceNanos: bigint): Promise<string> {
  const tenantId = `ten_${++lastId}`;
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  return tenantId;
}

function callOf(tenantId: string, callId = `call_${++lastId}`) {
  const names = { callId, tenantId, requestId: "req_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m" };
  return { ...names, inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };
}

/** The end of a call that cost `10 + 2 × outputTokens` nanos. */
function endOf(call: { callId: string; tenantId: string }, outputTokens = 45n): SettleRequest {
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens };
  return {
    callId: call.callId,
    tenantId: call.tenantId,
    ...tokens,
    outcome: "completed",
    isEstimated: false,
    latencyMs: 5n,
  };
}

async function assertBalanced(): Promise<void> {
  await assertIntegrity(ops);
  const [sums] = await service.sql`select coalesce(sum(amount_nanos), 0)::text as total from entry`;
  assert.equal(sums?.["total"], "0");
}

test("of 1,000 concurrent calls on money for 100 exactly 100 are admitted", async () => {
  const tenantId = await createTenant(100n * 100n);
  const results = await Promise.allSettled(Array.from({ length: 1_000 }, () => ops.reserveCall(callOf(tenantId))));
  const admitted = results.filter((result) => result.status === "fulfilled");
  const refused = results.filter(
    (result) => result.status === "rejected" && isFailure(result.reason, billingFailures.insufficient_balance),
  );
  assert.equal(admitted.length, 100);
  assert.equal(refused.length, 900);
  const wallet = await ops.getBalance({ tenantId });
  assert.equal(wallet.balanceNanos - wallet.heldNanos, 0n);
  await assertBalanced();
});

test("what a call holds and does not use goes to the calls that wait for it", async () => {
  const tenantId = await createTenant(1_000n);
  let used = 0;
  const runs = await Promise.allSettled(
    Array.from({ length: 60 }, async () => {
      const call = callOf(tenantId);
      await ops.reserveCall(call);
      used++;
      // Holds 100 nanos and uses 20 of them.
      await ops.settleCall(endOf(call, 5n));
    }),
  );
  // 46 calls of 20 leave less than 100, which is what a call must be able to hold.
  assert.equal(used, 46);
  assert.equal(runs.filter((run) => run.status === "rejected").length, 14);
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 1_000n - 46n * 20n);
  await assertBalanced();
});

test("a call that arrives at whatever moment a batch ends is not left behind", async () => {
  const tenantId = await createTenant(10_000n);
  for (let turns = 0; turns < 12; turns++) {
    const call = callOf(tenantId);
    await ops.reserveCall(call);
    for (let turn = 0; turn < turns; turn++) await undefined;
    await ops.settleCall(endOf(call, 5n));
  }
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 10_000n - 12n * 20n);
});

test("reserving twice holds once, settling twice charges once and gives the first result", async () => {
  const tenantId = await createTenant(1_000n);
  const call = callOf(tenantId);
  const holds = await Promise.all(Array.from({ length: 10 }, () => ops.reserveCall(call)));
  assert.ok(holds.every((hold) => hold.amountNanos === 100n));
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 100n);
  const results = await Promise.all(Array.from({ length: 10 }, (_, i) => ops.settleCall(endOf(call, BigInt(i + 1)))));
  assert.equal(new Set(results.map((usage) => usage.costNanos)).size, 1);
  const wallet = await ops.getBalance({ tenantId });
  assert.equal(wallet.balanceNanos, 1_000n - (results[0]?.costNanos ?? 0n));
  assert.equal(wallet.heldNanos, 0n);
  await assertBalanced();
});

test("a provider that reports more than was held is paid from the wallet at most to the last nano", async () => {
  const tenantId = await createTenant(150n);
  const call = callOf(tenantId);
  await ops.reserveCall(call);
  const usage = await ops.settleCall(endOf(call, 500n));
  assert.deepEqual([usage.costNanos, usage.uncollectedNanos], [150n, 860n]);
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 0n);
  await assertBalanced();
});

test("a failed call costs nothing and frees its hold", async () => {
  const tenantId = await createTenant(100n);
  const call = callOf(tenantId);
  await ops.reserveCall(call);
  const usage = await ops.settleCall({ ...endOf(call), ...noTokens, outcome: "failed" });
  assert.equal(usage.costNanos, 0n);
  const wallet = await ops.getBalance({ tenantId });
  assert.deepEqual([wallet.balanceNanos, wallet.heldNanos], [100n, 0n]);
});

test("a hold without heart-beat is freed, the call is recorded as lost, and a late report is charged once", async () => {
  const tenantId = await createTenant(1_000n);
  const [lost, alive] = [callOf(tenantId), callOf(tenantId)];
  await ops.reserveCall(lost);
  await ops.reserveCall(alive);
  await service.sql`update hold set expires_at = now() - interval '1 second'`;
  assert.equal(await ops.extendHolds({ callIds: [alive.callId] }), 1);
  await Promise.all([ops.expireHolds(), ops.expireHolds()]);
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 100n);
  const { rows } = await ops.listUsage({ tenantId, limit: 10 });
  assert.deepEqual(
    rows.map((row) => [row.callId, row.outcome, row.costNanos]),
    [[lost.callId, "lost", 0n]],
  );

  await ops.settleCall(endOf(lost));
  await ops.settleCall(endOf(lost));
  await ops.settleCall(endOf(alive));
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 800n);
  await ops.expireHolds();
  await assertBalanced();
});

test("settle, expiry and heart-beat that race end each call exactly once", async () => {
  const tenantId = await createTenant(1_000_000n);
  const calls = Array.from({ length: 300 }, () => callOf(tenantId));
  await Promise.all(calls.map((call) => ops.reserveCall(call)));
  await service.sql`update hold set expires_at = now() - interval '1 second' where tenant_id = ${tenantId}`;
  await Promise.all([
    ...calls.map((call) => ops.settleCall(endOf(call))),
    ops.expireHolds(),
    ops.extendHolds({ callIds: calls.slice(0, 100).map((call) => call.callId) }),
    ...calls.map((call) => ops.settleCall(endOf(call))),
  ]);
  const wallet = await ops.getBalance({ tenantId });
  assert.deepEqual([wallet.balanceNanos, wallet.heldNanos], [1_000_000n - 300n * 100n, 0n]);
  await assertBalanced();
});

test("a top-up credits once per reference, and the reference cannot be used for another amount", async () => {
  const tenantId = await createTenant(100n);
  const topUp = { tenantId, amountNanos: 50n, reference: "r1", source: "manual" } as const;
  const results = await Promise.all(Array.from({ length: 20 }, () => ops.topUpWallet(topUp)));
  assert.equal(results.filter((result) => result.isNew).length, 1);
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 150n);
  await assert.rejects(ops.topUpWallet({ ...topUp, amountNanos: 51n }), (err) =>
    isFailure(err, billingFailures.reference_reused),
  );
  await assert.rejects(ops.topUpWallet({ ...topUp, amountNanos: 0n, reference: "r2" }), (err) =>
    isFailure(err, billingFailures.amount_out_of_range),
  );
});

test("a call is charged at the price it was reserved at, whatever the price has become", async () => {
  const tenantId = await createTenant(1_000n);
  const prices = [{ provider: "p", model: "m", ...rates }];
  const [call] = [callOf(tenantId)];
  const hold = await ops.reserveCall(call);
  const [dearer] = await ops.putPrices({
    tenantId,
    prices: [{ ...prices[0], ...rates, provider: "p", model: "m", outputNanosPerMillion: 9_000_000n }],
  });
  assert.notEqual(dearer?.priceId, hold.priceId);
  assert.equal((await ops.settleCall(endOf(call))).costNanos, 100n);
  // A tenant's own price is nobody else's.
  const other = await createTenant(1_000n);
  const otherCall = callOf(other);
  assert.equal((await ops.reserveCall(otherCall)).priceId, hold.priceId);
  const [same] = await ops.putPrices({
    tenantId,
    prices: [{ ...rates, provider: "p", model: "m", outputNanosPerMillion: 9_000_000n }],
  });
  assert.equal(same?.priceId, dearer?.priceId);
});

test("a model without a price and a tenant without a wallet are refused", async () => {
  const tenantId = await createTenant(100n);
  await assert.rejects(ops.reserveCall({ ...callOf(tenantId), model: "x" }), (err) =>
    isFailure(err, billingFailures.price_missing),
  );
  await assert.rejects(ops.reserveCall(callOf("ten_none")), (err) => isFailure(err, billingFailures.wallet_not_found));
  await assert.rejects(ops.settleCall(endOf({ callId: "call_none", tenantId })), (err) =>
    isFailure(err, billingFailures.hold_not_found),
  );
});

test("another tenant cannot settle a call", async () => {
  const [mine, yours] = [await createTenant(100n), await createTenant(100n)];
  const call = callOf(mine);
  await ops.reserveCall(call);
  await assert.rejects(ops.settleCall(endOf({ callId: call.callId, tenantId: yours })), (err) =>
    isFailure(err, billingFailures.hold_not_found),
  );
  assert.equal((await ops.getBalance({ tenantId: mine })).heldNanos, 100n);
});

test("B27: the service's own role cannot change the journal, nor post what does not sum to zero", async () => {
  const role = service.sql;
  await role.begin(async (tx) => {
    await tx`set local role lyss_billing`;
    for (const statement of [
      "update entry set amount_nanos = 1",
      "delete from posting",
      "update price set version = 9",
      "delete from usage",
    ]) {
      await assert.rejects(
        tx.savepoint((inner) => inner.unsafe(statement)),
        /permission denied/,
        statement,
      );
    }
  });
  await assert.rejects(
    role.begin(async (tx) => {
      await tx`
        insert into posting (posting_id, kind, reference, currency, chain, sequence, hash)
        values ('pst_x', 'charge', 'x', 'USD', 'platform', 1, 'x')`;
      await tx`insert into entry values ('pst_x', 'revenue', 5)`;
    }),
    /sum to zero/,
  );
});

test("a balance that falls below the mark says so once", async () => {
  const tenantId = await createTenant(1_050n);
  for (let i = 0; i < 3; i++) {
    const call = callOf(tenantId);
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  }
  const said = (await service.listEvents()).filter(
    (event) => event.type === "billing.balance.low" && event.data["tenantId"] === tenantId,
  );
  assert.deepEqual(
    said.map((event) => event.type),
    ["billing.balance.low"],
  );
});

test("usage pages through every call once, newest first", async () => {
  const tenantId = await createTenant(100_000n);
  for (let i = 0; i < 25; i++) {
    const call = callOf(tenantId);
    await ops.reserveCall(call);
    await ops.settleCall(endOf(call));
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await ops.listUsage({ tenantId, limit: 7, cursor });
    seen.push(...page.rows.map((row) => row.callId));
    cursor = page.nextCursor;
  } while (cursor);
  assert.equal(new Set(seen).size, 25);
  assert.deepEqual(seen, seen.toSorted().toReversed());
});

test("B15: a call under way has more set aside while there is money, and a repeat, a stranger and an ended call get none", async () => {
  const tenantId = await createTenant(300n);
  const call = { ...callOf(tenantId), maxOutputTokens: 45n, minOutputTokens: 16n };
  await ops.reserveCall(call);
  const more = { ...call, maxOutputTokens: 100n, minOutputTokens: 46n };
  const raised = await ops.raiseHold(more);
  assert.deepEqual([raised.amountNanos, raised.outputTokens], [210n, 100n]);
  assert.deepEqual(await ops.raiseHold(more), raised);
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 210n);

  const most = { ...call, maxOutputTokens: 500n, minOutputTokens: 101n };
  assert.equal((await ops.raiseHold(most)).outputTokens, 145n);
  await assert.rejects(ops.raiseHold({ ...most, minOutputTokens: 146n }), (err) =>
    isFailure(err, billingFailures.insufficient_balance),
  );
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 300n);
  const strangers = { ...most, tenantId: await createTenant(1n) };
  await assert.rejects(ops.raiseHold(strangers), (err) => isFailure(err, billingFailures.hold_not_found));

  const { costNanos } = await ops.settleCall(endOf(call, 145n));
  assert.equal(costNanos, 300n);
  await assert.rejects(ops.raiseHold(most), (err) => isFailure(err, billingFailures.hold_not_found));
  assert.equal((await ops.getBalance({ tenantId })).balanceNanos, 0n);
  await assertBalanced();
});

test("B15: calls that ask for more at once share what there is, and new ones come after them", async () => {
  const tenantId = await createTenant(1_000n);
  const calls = Array.from({ length: 5 }, () => callOf(tenantId));
  for (const call of calls) await ops.reserveCall(call);
  const raises = calls.map((call) => ops.raiseHold({ ...call, maxOutputTokens: 145n, minOutputTokens: 46n }));
  const late = ops.reserveCall(callOf(tenantId));
  const raised = await Promise.all(raises.map((raise) => raise.catch((err: unknown) => err)));
  const got = raised.filter((hold) => !isFailure(hold, billingFailures.insufficient_balance));
  assert.deepEqual([got.length, raised.length], [3, 5]);
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 1_000n);
  for (const call of calls) await ops.settleCall(endOf(call));
  await ops.settleCall(endOf(await late));
  const { balanceNanos, heldNanos } = await ops.getBalance({ tenantId });
  assert.deepEqual([balanceNanos, heldNanos], [400n, 0n]);
  await assertBalanced();
});

test("a tenant that was created has an empty wallet, and one that had one keeps what is in it", async () => {
  await service.hear();
  const known = await createTenant(500n);
  await service.say(tenantCreated, { tenantId: "ten_born" });
  await service.say(tenantCreated, { tenantId: known });
  await service.untilHeard();
  assert.equal((await ops.getBalance({ tenantId: "ten_born" })).balanceNanos, 0n);
  assert.equal((await ops.getBalance({ tenantId: known })).balanceNanos, 500n);
});

test("a tenant that is discarded has no wallet, however soon after it was made", async () => {
  const tenantIds = Array.from({ length: 150 }, (_, n) => `ten_brief_${n}`);
  const discarded = await startTestService({ after }, billing, { clients: {} });
  for (const tenantId of tenantIds) await discarded.say(tenantCreated, { tenantId });
  for (const tenantId of tenantIds) await discarded.say(tenantDiscarded, { tenantId });
  await discarded.hear();
  await discarded.untilHeard();
  const [left] = await discarded.sql`select count(*)::int as wallets from wallet where tenant_id = any(${tenantIds})`;
  assert.equal(left?.["wallets"], 0);
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { BillingService, CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "../assert-integrity.ts";
import { moneyGrant } from "../lease-test-changes.ts";
import { createBillingRpc } from "../rpc.ts";
import { billing } from "../service.ts";
import type { ReportLine } from "./report.ts";

const config = { billing: { lowBalance: "0" } };
const service = await startTestService({ after }, billing, { clients: {}, config });
const { ops, random } = service;
const nodeId = "node_1";
/** Customers pay one nano per input token and two per output token; we pay a half and one. */
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };
const costRates = { input: 500_000n, cacheRead: 0n, output: 1_000_000n };
const [price] = await ops.putPrices({
  tenantId: "",
  prices: ["p", "q", "r"].map((provider) => ({ provider, model: "m", ...rates })),
  origin: "operator",
});
const priceOf = new Map(
  (await ops.listPrices({ tenantId: "", provider: undefined })).map((it) => [it.provider, it.priceId]),
);
await ops.putCostPrices({ prices: ["p", "q"].map((provider) => ({ provider, model: "m", rates: costRates })) });

async function createTenant(balanceNanos: bigint) {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: balanceNanos, reference: "start", source: "grant" });
  const leaseId = random.id("lse");
  await ops.changeLease(moneyGrant({ leaseId, nodeId, tenantId }, { wantNanos: balanceNanos, leastNanos: 0n }));
  return { tenantId, leaseId };
}

const balanceOf = async (tenantId: string) => (await ops.getBalance({ tenantId })).balanceNanos;

/** An attempt as a node posts it. */
function factOf(payer: { readonly tenantId: string; readonly leaseId: string }, more: object = {}, provider = "p") {
  return {
    ...{
      ...payer,
      callId: random.id("call"),
      attempt: 1,
      requestId: "req_1",
      keyId: "key_1",
      userId: "usr_1",
      provider,
    },
    ...{ model: "m", priceId: priceOf.get(provider) ?? "", outcome: CallOutcome.COMPLETED, isEstimated: false },
    tokens: { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 40n },
    ...{ latencyMs: 5n, startedAtMs: BigInt(Date.now()), isUncharged: false },
    ...more,
  };
}

/** The line of a report that says how an attempt ended at the provider. */
function lineOf(fact: ReturnType<typeof factOf>, outputTokens: bigint): ReportLine {
  const day = new Date(Number(fact.startedAtMs)).toISOString().slice(0, 10);
  const requestId = fact.attempt === 1 ? fact.callId : `${fact.callId}/${fact.attempt}`;
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens };
  return { day, model: "m", account: "", requestId, ...tokens, costNanos: 5n + outputTokens };
}

const exact = { nanos: 0n, ppm: 0 };

assert.ok(price);
eachTransport("billing", (serve) => {
  test("B10: of three attempts the customer pays for one, and each is in the ledger of what providers cost", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const payer = await createTenant(100_000n);
    const calls = Array.from({ length: 40 }, () => {
      const answered = factOf(payer, { attempt: 3 });
      const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
      const refused = { ...answered, attempt: 1, outcome: CallOutcome.FAILED, tokens: none, isUncharged: true };
      const silent = { ...answered, attempt: 2, outcome: CallOutcome.FAILED, isEstimated: true, isUncharged: true };
      return [refused, { ...silent, tokens: { ...none, inputTokens: 10n } }, answered];
    });
    // In whatever order and however often they come.
    await client.postFacts({ nodeId, facts: calls.flat().toReversed() });
    const repeated = await client.postFacts({ nodeId, facts: calls.flat() });
    assert.equal(repeated.repeated, 3 * calls.length);
    assert.equal(await balanceOf(payer.tenantId), 100_000n - 90n * BigInt(calls.length));
    for (const [first] of calls) {
      const { costs } = await client.listProviderCosts({ callId: first?.callId ?? "" });
      assert.deepEqual(
        costs.map((cost) => [cost.attempt, cost.isCharged, cost.isEstimated, cost.costNanos]),
        [
          [1, false, false, 0n],
          [2, false, true, 5n],
          [3, true, false, 45n],
        ],
      );
    }
  });
});

test("B11: what a provider completed after we had given up is recorded from its report, and nothing is left unexplained", async () => {
  const payer = await createTenant(1_000_000n);
  const facts = Array.from({ length: 250 }, (_, i) => {
    const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n };
    const timedOut = { tokens, outcome: "failed", isEstimated: true, isUncharged: true } as const;
    const fact = factOf(payer, {}, "q");
    return { lost: { ...fact, ...tokens, ...timedOut }, answered: { ...fact, attempt: 2 }, output: BigInt(i) };
  });
  const flat = facts.flatMap(({ lost, answered }) => [
    lost,
    { ...answered, ...answered.tokens, outcome: "completed" as const },
  ]);
  await ops.postFacts({ facts: flat });
  const charged = await balanceOf(payer.tenantId);
  const lines = facts.flatMap(({ lost, answered, output }) => [
    lineOf({ ...answered, attempt: lost.attempt }, output),
    lineOf(answered, 40n),
  ]);
  const run = await ops.reconcileProvider({ provider: "q", lines, tolerance: exact });
  assert.deepEqual([run.state, run.driftNanos, run.correctedAttempts], ["matched", 0n, 250]);
  assert.equal(run.reportedNanos, run.recordedNanos);
  const [last] = facts.slice(-1);
  const costs = await ops.listProviderCosts({ callId: last?.lost.callId ?? "" });
  assert.deepEqual(
    costs.map(({ attempt, isEstimated, outputTokens, costNanos }) => [attempt, isEstimated, outputTokens, costNanos]),
    [
      [1, false, 249n, 254n],
      [2, false, 40n, 45n],
    ],
  );
  const again = await ops.reconcileProvider({ provider: "q", lines, tolerance: exact });
  assert.deepEqual([again.state, again.correctedAttempts], ["matched", 0]);
  // None of it is the customer's.
  assert.equal(await balanceOf(payer.tenantId), charged);
  await assertIntegrity(ops);
});

test("a customer who paid by an estimate gets the difference once, however often and at once the report comes", async () => {
  const [high, low, poor] = [await createTenant(80_000n), await createTenant(80_000n), await createTenant(80_000n)];
  const estimated = (payer: typeof high) => factOf(payer, { outcome: CallOutcome.CANCELED, isEstimated: true });
  const facts = [estimated(high), estimated(low), estimated(poor)];
  await ops.postFacts({ facts: facts.map((fact) => ({ ...fact, ...fact.tokens, outcome: "canceled" as const })) });
  const outputs = [15n, 60n, 400n];
  const lines = facts.map((fact, i) => lineOf(fact, outputs[i] ?? 0n));
  const runs = await Promise.all(
    Array.from({ length: 4 }, () => ops.reconcileProvider({ provider: "p", lines, tolerance: exact })),
  );
  assert.deepEqual(
    runs
      .map(({ refundedNanos, chargedNanos }) => [refundedNanos, chargedNanos])
      .sort(([a = 0n], [b = 0n]) => Number(b - a)),
    // 50 back; 40 more, and of 720 more no more than the 90 that were charged.
    [
      [50n, 130n],
      [0n, 0n],
      [0n, 0n],
      [0n, 0n],
    ],
  );
  assert.deepEqual(await Promise.all([high, low, poor].map(({ tenantId }) => balanceOf(tenantId))), [
    80_000n - 40n,
    80_000n - 130n,
    80_000n - 180n,
  ]);
  await assertIntegrity(ops);
});

test("a report that differs by more than the tolerance is an event, is kept with its differences, and changes nothing known", async () => {
  const payer = await createTenant(80_000n);
  await ops.putCostPrices({ prices: [{ provider: "r", model: "m", rates: costRates }] });
  const known = factOf(payer, {}, "r");
  await ops.postFacts({ facts: [{ ...known, ...known.tokens, outcome: "completed" }] });
  const lines = [{ ...lineOf(known, 40n), costNanos: 50n }];
  const within = await ops.reconcileProvider({ provider: "r", lines, tolerance: { nanos: 5n, ppm: 0 } });
  assert.equal(within.state, "matched");
  const drifted = await ops.reconcileProvider({ provider: "r", lines, tolerance: { nanos: 4n, ppm: 0 } });
  assert.deepEqual([drifted.state, drifted.driftNanos, drifted.correctedAttempts], ["drift", 5n, 0]);
  const { reconciliationId } = drifted;
  assert.deepEqual(await ops.getReconciliation({ reconciliationId }), drifted);
  const { rows } = await ops.listReconciliations({ provider: "r", limit: 10 });
  assert.deepEqual(
    rows.map((run) => run.reconciliationId),
    [reconciliationId, within.reconciliationId],
  );
  const said = (await service.listEvents()).filter(
    ({ type, key }) => type === "billing.reconciliation.drift" && key === "r",
  );
  assert.deepEqual(
    said.map(({ data }) => [data["reconciliationId"], data["driftNanos"]]),
    [[reconciliationId, "5"]],
  );
  await assert.rejects(ops.getReconciliation({ reconciliationId: "rec_none" }), (err) =>
    isFailure(err, billingFailures.reconciliation_not_found),
  );
});

test("a call at a provider without a cost price costs us an unknown sum, not nothing, until its report comes", async () => {
  const payer = await createTenant(80_000n);
  const fact = factOf(payer, { model: "unpriced" });
  await ops.postFacts({ facts: [{ ...fact, ...fact.tokens, outcome: "completed" }] });
  const costOfCall = async () =>
    (await ops.listProviderCosts({ callId: fact.callId })).map(({ costNanos }) => costNanos);
  assert.deepEqual(await costOfCall(), [undefined]);
  const byDay = { ...lineOf(fact, 40n), model: "unpriced", requestId: "" };
  const unknown = await ops.reconcileProvider({
    provider: "p",
    lines: [byDay],
    tolerance: { nanos: 10n ** 18n, ppm: 0 },
  });
  assert.equal(unknown.differences.find(({ model }) => model === "unpriced")?.state, "unknown");
  assert.equal(unknown.state, "unknown");
  const line = { ...byDay, requestId: fact.callId };
  await ops.reconcileProvider({ provider: "p", lines: [line], tolerance: { nanos: 10n ** 18n, ppm: 0 } });
  assert.deepEqual(await costOfCall(), [45n]);
});

test("a report that is empty, too long or names a request twice is refused and leaves nothing behind", async () => {
  const before = await ops.listReconciliations({ provider: "x", limit: 1 });
  const line = lineOf(factOf({ tenantId: "t", leaseId: "l" }), 1n);
  const far = { ...line, requestId: "", day: "2026-01-01" };
  for (const lines of [[], [line, line], [line, far]]) {
    await assert.rejects(ops.reconcileProvider({ provider: "x", lines, tolerance: exact }), (err) =>
      isFailure(err, kitFailures.invalid_request),
    );
  }
  assert.deepEqual(await ops.listReconciliations({ provider: "x", limit: 1 }), before);
});

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "./assert-integrity.ts";
import { noTokens } from "./model.ts";
import { billing } from "./service.ts";

/** One nano per input token, two per output token. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_000_000n,
};
const { ops } = await startTestService({ after }, billing, { clients: {} });
await ops.putPrices({
  tenantId: "",
  prices: [
    { provider: "p", model: "m", ...rates },
    { provider: "dearer", model: "m2", ...rates, outputNanosPerMillion: 4_000_000n },
  ],
});
const names = { callId: "call_1", requestId: "req_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m" };
const want = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };

test("the hold of a call that goes on at another target is that target's, at its price, and is charged once", async () => {
  const tenantId = "ten_1";
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000n, reference: "start", source: "grant" });
  const call = { ...names, ...want, tenantId };
  const first = await ops.reserveCall(call);
  assert.equal(first.amountNanos, 100n);
  const moved = await ops.reserveCall({ ...call, provider: "dearer", model: "m2" });
  assert.deepEqual([moved.provider, moved.model, moved.amountNanos], ["dearer", "m2", 190n]);
  assert.notEqual(moved.priceId, first.priceId);
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 190n);
  assert.deepEqual(await ops.reserveCall({ ...call, provider: "dearer", model: "m2" }), moved);

  const unpriced = { ...call, provider: "dearer", model: "none" };
  await assert.rejects(ops.reserveCall(unpriced), (err) => isFailure(err, billingFailures.price_missing));
  const tooDear = { ...call, maxOutputTokens: 5_000n, minOutputTokens: 5_000n };
  await assert.rejects(ops.reserveCall(tooDear), (err) => isFailure(err, billingFailures.insufficient_balance));
  assert.equal((await ops.getBalance({ tenantId })).heldNanos, 190n, "what is refused leaves the hold as it was");

  const fact = { ...names, tenantId, ...noTokens, leaseId: "", startedAtMs: BigInt(Date.now()) };
  const ended = { isEstimated: false, latencyMs: 5n, outputTokens: 45n, inputTokens: 10n };
  await ops.postFacts({
    facts: [
      {
        ...fact,
        ...noTokens,
        attempt: 1,
        priceId: first.priceId,
        ...ended,
        outputTokens: 0n,
        inputTokens: 0n,
        outcome: "failed",
        isUncharged: true,
      },
      { ...fact, ...ended, attempt: 2, provider: "dearer", model: "m2", priceId: moved.priceId, outcome: "completed" },
    ],
  });
  assert.deepEqual(
    await ops.getBalance({ tenantId }).then(({ balanceNanos, heldNanos }) => [balanceNanos, heldNanos]),
    [810n, 0n],
  );
  const receipt = await ops.getReceipt({ tenantId, callId: call.callId });
  assert.deepEqual(
    receipt.attempts.map(({ usage }) => [usage.attempt, usage.provider, usage.outcome]),
    [[2, "dearer", "completed"]],
  );
  assert.deepEqual(
    receipt.otherAttempts.map(({ attempt, provider, outcome }) => [attempt, provider, outcome]),
    [[1, "p", "failed"]],
  );
  await assertIntegrity(ops);
});

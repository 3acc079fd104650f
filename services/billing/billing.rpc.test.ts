import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import {
  BillingService,
  CallOutcome,
  TopUpSource,
  UsageGroup,
  UsageInterval,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { failureText, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createBillingRpc } from "./rpc.ts";
import { billing } from "./service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random } = service;
await service.hear();
const names = { requestId: "req_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m" };
const bounds = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1 };

eachTransport("billing", (serve) => {
  test("a peer holds money for a call, settles it, and sees what it cost", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const [tenantId, callId] = [random.id("ten"), random.id("call")];
    await client.createWallet({ tenantId });
    const topUp = { tenantId, amountNanos: 1_000n, reference: "start", source: TopUpSource.GRANT };
    assert.deepEqual((await client.topUpWallet(topUp)).isNew, true);
    assert.deepEqual((await client.topUpWallet(topUp)).isNew, false);
    // One nano per input token, two per output token.
    const rates = {
      inputNanosPerMillion: 1_000_000n,
      cachedInputNanosPerMillion: 0n,
      outputNanosPerMillion: 2_000_000n,
    };
    await client.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", rates }] });

    const hold = await client.reserveCall({ ...names, ...bounds, tenantId, callId });
    assert.deepEqual([hold.amountNanos, hold.outputTokens], [100n, 45n]);
    assert.equal((await client.getBalance({ tenantId })).balance?.heldNanos, 100n);
    assert.equal((await client.extendHolds({ callIds: [callId, "call_none"] })).extended, 1);
    const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 5n };
    const ended = { callId, tenantId, outcome: CallOutcome.COMPLETED, tokens, isEstimated: false, latencyMs: 7n };
    assert.equal((await client.settleCall(ended)).costNanos, 20n);
    assert.equal((await client.settleCall(ended)).costNanos, 20n);
    const { balance } = await client.getBalance({ tenantId });
    assert.deepEqual([balance?.availableNanos, balance?.heldNanos], [980n, 0n]);
    const { records } = await client.listUsage({ tenantId });
    assert.deepEqual(
      records.map((record) => [record.callId, record.outcome, record.costNanos]),
      [[callId, CallOutcome.COMPLETED, 20n]],
    );
    await service.untilHeard();
    for (const interval of [UsageInterval.MINUTE, UsageInterval.HOUR, UsageInterval.DAY, UsageInterval.MONTH]) {
      const { sums } = await client.listUsageSummary({ tenantId, groupBy: UsageGroup.USER, interval });
      const groups = [UsageGroup.MODEL, UsageGroup.KEY];
      const { sums: both } = await client.listUsageSummary({ tenantId, groups, interval });
      assert.deepEqual(
        sums.map(({ group, calls, costNanos, tokens: used }) => [group, calls, costNanos, used?.outputTokens]),
        [["usr_1", 1n, 20n, 5n]],
      );
      assert.deepEqual(
        both.map((sum) => sum.groups),
        [[names.model, names.keyId]],
      );
    }
    assert.ok((await client.rebuildUsageSummary({})).events > 0n);

    const tooDear = client.reserveCall({ ...names, ...bounds, tenantId, callId: random.id("call"), choices: 100 });
    await assert.rejects(tooDear, (err) => isFailure(err, billingFailures.insufficient_balance));
  });

  test("bad input names the field in both languages", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const call = { ...names, ...bounds, tenantId: "ten_a", callId: "call_a" };
    const end = { tenantId: "ten_a", callId: "call_a", outcome: CallOutcome.COMPLETED };
    const prices = Array.from({ length: 1_001 }, () => ({ provider: "p", model: "m" }));
    const cases: readonly (readonly [Promise<unknown>, field: string])[] = [
      [client.listUsageSummary({ tenantId: "ten_a", limit: 1_001 }), "limit"],
      [client.listUsageSummary({ tenantId: "ten_a", groups: [UsageGroup.KEY, UsageGroup.KEY] }), "groups"],
      [client.topUpWallet({ tenantId: "", reference: "x", amountNanos: 1n }), "tenantId"],
      [client.putPrices({ tenantId: "", prices }), "prices"],
      [client.reserveCall({ ...call, callId: "" }), "callId"],
      [client.reserveCall({ ...call, minOutputTokens: 46n }), "maxOutputTokens"],
      [client.settleCall({ ...end, tokens: { inputTokens: -1n } }), "tokens.inputTokens"],
      [client.settleCall({ ...end, outcome: CallOutcome.LOST }), "outcome"],
      [client.extendHolds({ callIds: Array.from({ length: 10_001 }, () => "call_a") }), "callIds"],
    ];
    for (const [answer, field] of cases) {
      await assert.rejects(answer, (err) => {
        assert.ok(isFailure(err, kitFailures.invalid_request), field);
        assert.match(failureText(err.type, err.details, "en_US"), new RegExp(`^${field}: [a-z0-9, ]+$`));
        assert.match(failureText(err.type, err.details, "zh_CN"), new RegExp(`^${field}：.*\\p{Script=Han}`, "u"));
        return true;
      });
    }
  });
});

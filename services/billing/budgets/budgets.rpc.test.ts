import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { BillingService, TopUpSource } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import { failureText, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createBillingRpc } from "../rpc.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, {
  clients: {},
  config: { billing: { reserveWaitMs: 0 } },
});
const { ops, random } = service;
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
const perDay = { unit: BudgetUnit.CALLS, period: BudgetPeriod.DAY, limit: 1n };

eachTransport("budgets", (serve) => {
  test("a peer caps a key, is told which level refuses a call and when it starts anew, and lifts the cap", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const tenantId = random.id("ten");
    await client.createWallet({ tenantId });
    await client.topUpWallet({ tenantId, amountNanos: 1_000n, reference: "start", source: TopUpSource.GRANT });
    const path = { tenantId, userId: "usr_1", keyId: "key_1" };
    assert.equal((await client.checkBudgets(path)).hasBudgets, false);
    const { budget } = await client.setBudget({ tenantId, scope: BudgetScope.KEY, scopeId: "key_1", limit: perDay });
    assert.deepEqual([budget?.timeZone, budget?.resetDay, budget?.alertPercents], ["UTC", 1, [50, 80, 100]]);
    assert.equal((await client.checkBudgets(path)).hasBudgets, true);
    assert.equal((await client.checkBudgets({ ...path, keyId: "key_2" })).hasBudgets, false);

    const names = { ...path, requestId: "req_1", provider: "p", model: "m" };
    const bounds = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1 };
    await client.reserveCall({ ...names, ...bounds, callId: random.id("call") });
    await assert.rejects(client.reserveCall({ ...names, ...bounds, callId: random.id("call") }), (err) => {
      assert.ok(isFailure(err, billingFailures.quota_exceeded));
      assert.deepEqual(
        [err.details["limit_source"], err.details["limit_source_id"], err.details["reserved"], err.retryAfterMs],
        ["key", "key_1", "1", 1_000],
      );
      return true;
    });
    const budgetId = budget?.budgetId ?? "";
    const { budgets } = await client.listBudgets({ tenantId, scope: BudgetScope.KEY });
    assert.deepEqual(
      budgets.map((row) => [row.budgetId, row.reserved]),
      [[budgetId, 1n]],
    );
    assert.equal((await client.getBudget({ tenantId, budgetId })).budget?.limit, 1n);
    await client.deleteBudget({ tenantId, budgetId });
    await client.reserveCall({ ...names, ...bounds, callId: random.id("call") });
    await assert.rejects(client.getBudget({ tenantId, budgetId }), (err) =>
      isFailure(err, billingFailures.budget_not_found),
    );
  });

  test("a peer sets, reads and resets a person's quota", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const tenantId = random.id("ten");
    await client.createWallet({ tenantId });
    const user = { tenantId, userId: "usr_1" };
    const set = await client.setUserQuota({ ...user, limits: [{ ...perDay, timeZone: "Asia/Shanghai" }] });
    assert.deepEqual((await client.getUserQuota(user)).quota, set.quota);
    assert.deepEqual(
      [set.quota?.budgets[0]?.timeZone, set.quota?.budgets[0]?.scope],
      ["Asia/Shanghai", BudgetScope.USER],
    );
    assert.deepEqual((await client.resetUserQuota(user)).quota?.budgets, []);
  });

  test("bad limits name the field in both languages", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const scope = { tenantId: "ten_a", scope: BudgetScope.USER, scopeId: "usr_1" };
    const cases: readonly (readonly [Promise<unknown>, field: string])[] = [
      [client.setBudget({ ...scope, scope: BudgetScope.UNSPECIFIED, limit: perDay }), "scope"],
      [client.setBudget({ ...scope, scopeId: "", limit: perDay }), "scopeId"],
      [client.setBudget({ ...scope, limit: { ...perDay, unit: BudgetUnit.UNSPECIFIED } }), "limit.unit"],
      [client.setBudget({ ...scope, limit: { ...perDay, period: BudgetPeriod.UNSPECIFIED } }), "limit.period"],
      [client.setBudget({ ...scope, limit: { ...perDay, limit: -1n } }), "limit.limit"],
      [client.setBudget({ ...scope, limit: { ...perDay, timeZone: "Moon" } }), "limit.timeZone"],
      [client.setUserQuota({ tenantId: "ten_a", userId: "usr_1", limits: [perDay, perDay] }), "limits"],
    ];
    for (const [answer, field] of cases) {
      await assert.rejects(answer, (err) => {
        assert.ok(isFailure(err, kitFailures.invalid_request), field);
        assert.ok(failureText(err.type, err.details, "en_US").startsWith(`${field}: `), String(err));
        assert.match(failureText(err.type, err.details, "zh_CN"), /\p{Script=Han}/u);
        return true;
      });
    }
  });
});

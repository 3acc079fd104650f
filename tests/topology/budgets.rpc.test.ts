import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { CallOutcome, TopUpSource } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { openSpool } from "@lyss/kit/spool/spool.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { createBudgetPaths } from "@lyss/services/ai-gateway/funds/budget-paths.ts";
import { createFactJournal } from "@lyss/services/ai-gateway/funds/fact-journal.ts";
import { createFunder } from "@lyss/services/ai-gateway/funds/funder.ts";
import { createLeaseKeeper } from "@lyss/services/ai-gateway/funds/lease-keeper.ts";
import { createPriceCache } from "@lyss/services/ai-gateway/funds/price-cache.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { Registry } from "prom-client";

const random = createRandom(clock);
/** A nano a token: a call of these tests is bound by 100 nanos and 100 tokens, and uses 30. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 1_000_000n,
  outputNanosPerMillion: 1_000_000n,
};
const ended = {
  ...{ outcome: CallOutcome.COMPLETED, isEstimated: false, latencyMs: 3 },
  tokens: { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 20n },
};

eachTopology("budgets of nodes", { services: [billing], config: { billing: { reserveWaitMs: 0 } } }, (topology) => {
  const client = () => topology.client(billing);

  async function createTenant(): Promise<string> {
    const tenantId = random.id("ten");
    await client().createWallet({ tenantId });
    await client().topUpWallet({ tenantId, amountNanos: 10_000_000n, reference: "start", source: TopUpSource.GRANT });
    await client().putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", rates }] });
    return tenantId;
  }

  /** A gateway node's money. */
  function startNode(t: TestContext) {
    const nodeId = random.id("node");
    const { spool } = openSpool({ root: createTempFolder({ after: (work) => t.after(work) }), clock, log });
    const journal = createFactJournal({ spool, billing: client(), nodeId, clock, log });
    const leases = createLeaseKeeper({ billing: client(), spool, nodeId, clock, random, log });
    const prices = createPriceCache(client(), { clock, random, metrics: new Registry() });
    const budgets = createBudgetPaths(client(), { clock, random, metrics: new Registry() });
    const { fund } = createFunder({ billing: client(), prices, budgets, leases, journal, clock, log });
    return {
      fund,
      leases,
      /** As the event tells it. */
      budgetsChanged(tenantId: string) {
        budgets.forget(tenantId);
        leases.renew(tenantId);
      },
      async stop() {
        await journal.flush(AbortSignal.timeout(20_000));
        await journal.stop();
        await leases.close();
        await spool.close();
      },
    };
  }

  const callOf = (tenantId: string, more: { readonly userId?: string } = {}) => ({
    ...{ callId: random.id("call"), requestId: "req_1", tenantId, keyId: "key_1", userId: "usr_1", provider: "p" },
    ...{ model: "m", inputTokens: 10n, maxOutputTokens: 90n, minOutputTokens: 90n, choices: 1, ...more },
  });
  const limitOf = (unit: BudgetUnit, limit: bigint) => ({ unit, limit, period: BudgetPeriod.MONTH });

  async function usedOf(tenantId: string) {
    const { budgets } = await client().listBudgets({ tenantId, limit: 10 });
    return budgets.map(({ used, reserved }) => [used, reserved]);
  }

  test("B2: of 400 calls over four nodes exactly those pass that a key's budget allows, and those of others stay on leases", async (t) => {
    const tenantId = await createTenant();
    await client().setBudget({
      ...{ tenantId, scope: BudgetScope.USER, scopeId: "usr_1" },
      limit: limitOf(BudgetUnit.CALLS, 100n),
    });
    const nodes = Array.from({ length: 4 }, () => startNode(t));
    const results = await Promise.allSettled(
      Array.from({ length: 400 }, async (_, i) => {
        const funds = await nodes[i % 4]?.fund(callOf(tenantId));
        await funds?.settle(ended);
      }),
    );
    const refusals = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    assert.equal(refusals.length, 300);
    assert.ok(
      refusals.every((err) => isFailure(err, billingFailures.quota_exceeded) && err.retryAfterMs !== undefined),
    );
    const others = nodes.map(({ fund }) => fund(callOf(tenantId, { userId: "usr_2" })));
    await Promise.all(others.map(async (funding) => (await funding).settle(ended)));
    await Promise.all(nodes.map((node) => node.stop()));
    assert.deepEqual(await usedOf(tenantId), [[100n, 0n]]);
    const { balance } = await client().getBalance({ tenantId });
    assert.deepEqual([balance?.availableNanos, balance?.heldNanos], [10_000_000n - 104n * 30n, 0n]);
  });

  test("a budget counts what a node paid from its lease until it has heard of it, and holds from then on", async (t) => {
    const tenantId = await createTenant();
    const node = startNode(t);
    // Its lease has enough for the next one, too.
    const before = await node.fund({ ...callOf(tenantId), maxOutputTokens: 390n, minOutputTokens: 390n });
    await client().setBudget({
      ...{ tenantId, scope: BudgetScope.TENANT },
      limit: limitOf(BudgetUnit.TOKENS, 200n),
    });
    const unheard = await node.fund(callOf(tenantId));
    node.budgetsChanged(tenantId);
    const held = await node.fund(callOf(tenantId));
    await assert.rejects(
      async () => {
        await node.fund(callOf(tenantId));
        await node.fund(callOf(tenantId));
      },
      (err) => isFailure(err, billingFailures.quota_exceeded),
    );
    for (const funds of [before, unheard, held]) await funds.settle(ended);
    await node.stop();
    const [[used, reserved] = []] = await usedOf(tenantId);
    // Three calls of 30 tokens each; the one that was admitted and never ended still has its 100.
    assert.deepEqual([used, reserved], [90n, 100n]);
  });

  test("calls under budgets draw from a lease that holds shares of all of them, and shares come back when it ends", async (t) => {
    const tenantId = await createTenant();
    const setBudget = (scope: BudgetScope, scopeId: string, unit: BudgetUnit, limit: bigint) =>
      client().setBudget({ tenantId, scope, scopeId, limit: limitOf(unit, limit) });
    await setBudget(BudgetScope.TENANT, "", BudgetUnit.MONEY, 100_000n);
    await setBudget(BudgetScope.USER, "usr_1", BudgetUnit.TOKENS, 80_000n);
    await setBudget(BudgetScope.KEY, "key_1", BudgetUnit.CALLS, 800n);
    const node = startNode(t);
    const first = await node.fund(callOf(tenantId));
    await first.settle(ended);
    const reserved = async () => (await usedOf(tenantId)).map(([, amount]) => amount);
    const shares = await reserved();
    assert.ok(
      shares.every((share) => share !== undefined && share > 0n),
      `of each budget: ${shares}`,
    );
    // Of the 150 tokens that the lease has there are 120 left; nobody is asked for another 100. That the lease is nearly used up may
    // already have made it a little larger.
    const second = await node.fund(callOf(tenantId));
    const grown = (await reserved()).map((share = 0n, n) => share - (shares[n] ?? 0n));
    assert.ok(
      grown.every((more) => more >= 0n && more < 100n),
      `by ${grown}`,
    );
    await second.settle(ended);
    await node.stop();
    assert.deepEqual(
      new Set((await usedOf(tenantId)).map(String)),
      new Set(["60,0", "2,0"]),
      "two calls of 30 nanos and 30 tokens, and nothing set aside",
    );
  });

  test("B2: four nodes whose leases share three levels of budgets overshoot none of them, refuse nothing that fits, and leave nothing held", async (t) => {
    const tenantId = await createTenant();
    for (const [scope, scopeId, unit, limit] of [
      [BudgetScope.TENANT, "", BudgetUnit.CALLS, 150n],
      [BudgetScope.USER, "usr_1", BudgetUnit.MONEY, 30n * 80n],
      [BudgetScope.USER, "usr_2", BudgetUnit.TOKENS, 30n * 60n],
      [BudgetScope.KEY, "key_1", BudgetUnit.CALLS, 140n],
    ] as const) {
      await client().setBudget({ tenantId, scope, scopeId, limit: limitOf(unit, limit) });
    }
    const nodes = Array.from({ length: 4 }, () => startNode(t));
    /** What a call finds in leases comes back before it is refused: billing waits for that, and tells the nodes. */
    async function fund(node: (typeof nodes)[number], userId: string) {
      const call = callOf(tenantId, { userId });
      try {
        return await node.fund(call);
      } catch (err) {
        assert.ok(err instanceof Failure);
        await Promise.all(nodes.map(({ leases }) => leases.recall(tenantId, String(err.details["budget_id"]))));
        return node.fund(call).catch((again: unknown) => {
          assert.ok(
            [billingFailures.quota_exceeded, billingFailures.budget_exceeded].some((one) => isFailure(again, one)),
          );
        });
      }
    }
    const passed = { usr_1: 0, usr_2: 0 };
    async function tryCalls(node: (typeof nodes)[number], users: readonly ("usr_1" | "usr_2")[]): Promise<void> {
      for (const userId of users) {
        const funds = await fund(node, userId);
        if (!funds) continue;
        passed[userId]++;
        await funds.settle(ended);
      }
    }
    const mixed = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? ("usr_1" as const) : ("usr_2" as const)));
    await Promise.all(nodes.map((node) => tryCalls(node, mixed)));
    for (const { used, reserved, limit } of (await client().listBudgets({ tenantId, limit: 10 })).budgets) {
      assert.ok(used + reserved <= limit, `${used} and ${reserved} of ${limit}`);
    }
    // The rest passes, too, as long as there is what a call may use at most: 100, where it uses 30.
    if (nodes[0]) await tryCalls(nodes[0], mixed);
    await Promise.all(nodes.map((node) => node.stop()));
    assert.deepEqual(passed, { usr_1: 77, usr_2: 57 });
    const { budgets } = await client().listBudgets({ tenantId, limit: 10 });
    assert.deepEqual(new Set(budgets.map(({ used }) => used)), new Set([134n, 77n * 30n, 57n * 30n]));
    assert.ok(budgets.every(({ reserved }) => reserved === 0n));
  });
});

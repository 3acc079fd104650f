import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { CallOutcome, TopUpSource, UsageFactSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { postgres } from "@lyss/kit/db/driver.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { openSpool, type Spool } from "@lyss/kit/spool/spool.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { createBudgetPaths } from "@lyss/services/ai-gateway/funds/budget-paths.ts";
import { createFactJournal } from "@lyss/services/ai-gateway/funds/fact-journal.ts";
import { createFunder } from "@lyss/services/ai-gateway/funds/funder.ts";
import { createLeaseKeeper } from "@lyss/services/ai-gateway/funds/lease-keeper.ts";
import { createPriceCache } from "@lyss/services/ai-gateway/funds/price-cache.ts";
import { createRecovery } from "@lyss/services/ai-gateway/funds/recovery.ts";
import { parseRecord } from "@lyss/services/ai-gateway/funds/spool-record.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { Registry } from "prom-client";

const random = createRandom(clock);
/** By which it is told when leases of dead nodes need no more closing. */
const recoveryClock = createFakeClock();
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 1_000_000n,
  outputNanosPerMillion: 1_000_000n,
};

const ttlMs = 60_000;
const config = { billing: { holdTtlMs: ttlMs, leaseTtlMs: ttlMs } };

eachTopology("funds", { services: [billing], config }, (topology) => {
  const client = () => topology.client(billing);

  async function createTenant(amountNanos: bigint): Promise<string> {
    const tenantId = random.id("ten");
    await client().createWallet({ tenantId });
    await client().topUpWallet({ tenantId, amountNanos, reference: "start", source: TopUpSource.GRANT });
    await client().putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", rates }] });
    return tenantId;
  }

  /** A gateway node's money, with its spool in a folder. */
  function startNode(root: string, withDisk: (spool: Spool) => Spool = (spool) => spool) {
    const nodeId = random.id("node");
    const { spool: opened, recovered } = openSpool({ root, clock, log });
    const spool = withDisk(opened);
    const journal = createFactJournal({ spool, billing: client(), nodeId, clock, log });
    const leases = createLeaseKeeper({ billing: client(), spool, nodeId, clock, random, log });
    const prices = createPriceCache(client(), { clock, random, metrics: new Registry() });
    const budgets = createBudgetPaths(client(), { clock, random, metrics: new Registry() });
    return {
      spool,
      recovered,
      journal,
      leases,
      recovery: createRecovery({ spool, billing: client(), journal, clock: recoveryClock, log }),
      funder: createFunder({ billing: client(), prices, budgets, leases, journal, clock, log }),
    };
  }

  const callOf = (tenantId: string) => ({
    ...{
      callId: random.id("call"),
      requestId: "req_1",
      tenantId,
      keyId: "key_1",
      userId: "usr_1",
      provider: "p",
      model: "m",
    },
    ...{ inputTokens: 10n, maxOutputTokens: 90n, minOutputTokens: 90n, choices: 1 },
  });
  const spent = (outputTokens: bigint) => ({
    ...{ outcome: CallOutcome.COMPLETED, isEstimated: false, latencyMs: 3 },
    tokens: { inputTokens: 10n, cachedInputTokens: 0n, outputTokens },
  });
  const balanceOf = async (tenantId: string) => {
    const { balance } = await client().getBalance({ tenantId });
    return [balance?.availableNanos, balance?.heldNanos];
  };
  const soon = () => AbortSignal.timeout(20_000);

  test("calls are paid from the lease without asking billing, and what is not needed comes back", async (t: TestContext) => {
    const tenantId = await createTenant(100_000n);
    const { spool, journal, leases, funder } = startNode(createTempFolder({ after: (work) => t.after(work) }));
    for (let i = 0; i < 50; i++) {
      const funds = await funder.fund(callOf(tenantId));
      assert.equal(await funds.settle(spent(20n)), 30n);
    }
    assert.equal(funder.heldCallIds.size, 0);
    await journal.flush(soon());
    await leases.close();
    assert.deepEqual(await balanceOf(tenantId), [100_000n - 50n * 30n, 0n]);
    assert.equal(spool.size, 0);
    await journal.stop();
    await spool.close();
  });

  test("of calls on money for 100 exactly 100 are admitted, over leases and holds of their own", async (t) => {
    const tenantId = await createTenant(100n * 100n);
    const { spool, journal, leases, funder } = startNode(createTempFolder({ after: (work) => t.after(work) }));
    const funding = Array.from({ length: 300 }, () =>
      funder.fund(callOf(tenantId)).then(
        (funds) => funds,
        () => undefined,
      ),
    );
    // A call that waits for leased money is what makes billing ask for it back.
    setImmediate(() => leases.recall(tenantId));
    const admitted = (await Promise.all(funding)).filter((funds) => funds !== undefined);
    assert.equal(admitted.length, 100);
    await Promise.all(admitted.map((funds) => funds.settle(spent(90n))));
    await journal.flush(soon());
    await leases.close();
    assert.deepEqual(await balanceOf(tenantId), [0n, 0n]);
    await journal.stop();
    await spool.close();
  });

  test("what a node left when it was killed is charged by the next one, what never ended is lost at no cost, and its lease is free at once", async (t) => {
    const tenantId = await createTenant(100_000n);
    const root = createTempFolder({ after: (work) => t.after(work) });
    const first = startNode(root);
    const [ended, open] = [callOf(tenantId), callOf(tenantId)];
    const [funds] = [await first.funder.fund(ended), await first.funder.fund(open)];
    await first.journal.stop();
    await funds.settle(spent(50n));
    await first.spool.close();
    const [, heldNanos = 0n] = await balanceOf(tenantId);
    assert.ok(heldNanos > 0n);

    const second = startNode(root);
    assert.equal(second.recovered.length, 4);
    second.recovery.takeUp(second.recovered);
    // Once more, as after a crash in mid-recovery.
    second.recovery.takeUp(second.recovered);
    await waitUntil(async () => (await balanceOf(tenantId))[1] === 0n);
    const { records } = await client().listUsage({ tenantId, limit: 10 });
    assert.deepEqual(
      new Map(records.map(({ callId, outcome, costNanos }) => [callId, [outcome, costNanos]])),
      new Map([
        [ended.callId, [CallOutcome.COMPLETED, 60n]],
        [open.callId, [CallOutcome.LOST, 0n]],
      ]),
    );
    assert.deepEqual(await balanceOf(tenantId), [100_000n - 60n, 0n]);

    // What the dead one had asked for is granted only now.
    const [lease] = second.recovered.map(({ record }) => parseRecord(record)).filter(({ kind }) => kind === "lease");
    assert.ok(lease?.kind === "lease");
    const { nodeId: deadId, leaseIds } = lease.closing;
    const late = { leaseId: leaseIds[0] ?? "", nodeId: deadId, tenantId, changeNumber: 1, wantNanos: 1_000n };
    assert.equal((await client().grantLease({ ...late, leastNanos: 1n })).grantedNanos, 1_000n);
    await second.recovery.closeLeases();
    assert.deepEqual(await balanceOf(tenantId), [100_000n - 60n, 0n]);
    recoveryClock.advance(10_000);
    await second.recovery.closeLeases();
    assert.equal(second.spool.size, 0);
    await second.journal.stop();
    await second.spool.close();
  });

  test("B19: calls of ten minutes whose heart-beat fails half way are charged exactly once, after all is expired", async (t) => {
    const sql = postgres(topology.adminUrl(), { max: 1 });
    t.after(() => sql.end());
    // What a call may cost is too much for a lease of the second tenant: its call has a hold of its own.
    const [leased, held] = [await createTenant(100_000n), await createTenant(150n)];
    const { spool, journal, leases, funder } = startNode(createTempFolder({ after: (work) => t.after(work) }));
    const calls = [callOf(leased), callOf(held)];
    const funds = await Promise.all(calls.map((call) => funder.fund(call)));
    assert.deepEqual([...funder.heldCallIds], [calls[1]?.callId]);

    const stepMs = 10_000;
    for (let passedMs = 0; passedMs < 600_000; passedMs += stepMs) {
      await sql`update billing.lease set expires_at = expires_at - ${stepMs}::float8 * interval '1 millisecond'`;
      await sql`update billing.hold set expires_at = expires_at - ${stepMs}::float8 * interval '1 millisecond'`;
      if (passedMs >= 300_000) continue;
      await leases.extend();
      assert.equal((await client().extendHolds({ callIds: [...funder.heldCallIds] })).extended, 1);
    }
    const isFree = async (tenantId: string) => (await balanceOf(tenantId))[1] === 0n;
    await waitUntil(async () => (await isFree(leased)) && (await isFree(held)));
    assert.deepEqual(await balanceOf(held), [150n, 0n]);

    for (const each of funds) await each.settle(spent(50n));
    await journal.flush(soon());
    assert.deepEqual(await balanceOf(leased), [100_000n - 60n, 0n]);
    assert.deepEqual(await balanceOf(held), [150n - 60n, 0n]);
    for (const tenantId of [leased, held]) {
      const { records } = await client().listUsage({ tenantId, limit: 10 });
      assert.deepEqual(
        records.map(({ outcome, costNanos }) => [outcome, costNanos]),
        [[CallOutcome.COMPLETED, 60n]],
      );
    }
    await leases.extend();
    await leases.close();
    assert.equal(spool.size, 0);
    await journal.stop();
    await spool.close();
  });

  test("a call that cannot be written down is refused, and what was set aside for it is free again", async (t) => {
    const [leased, held] = [await createTenant(100_000n), await createTenant(150n)];
    const root = createTempFolder({ after: (work) => t.after(work) });
    const { spool, journal, leases, funder } = startNode(root, (opened) => ({
      ...opened,
      written: () => Promise.reject(new Error("ENOSPC: no space left on device, write")),
    }));
    for (const tenantId of [leased, held]) {
      await assert.rejects(funder.fund(callOf(tenantId)), (err) => isFailure(err, aiGatewayFailures.cannot_record));
    }
    await leases.close();
    await waitUntil(async () => (await balanceOf(held))[1] === 0n);
    assert.deepEqual(
      [await balanceOf(leased), await balanceOf(held)],
      [
        [100_000n, 0n],
        [150n, 0n],
      ],
    );
    await journal.stop();
    await spool.close();
  });

  test("a fact that billing refuses for good holds up no other", async (t) => {
    const tenantId = await createTenant(100_000n);
    const { spool, journal, leases, funder } = startNode(createTempFolder({ after: (work) => t.after(work) }));
    const bad = create(UsageFactSchema, {
      callId: random.id("call"),
      attempt: 1,
      tenantId,
      leaseId: "lse_x",
      priceId: "none",
    });
    const attempt = journal.begin(bad);
    await attempt.written;
    bad.outcome = CallOutcome.COMPLETED;
    await journal.end(attempt, () => assert.fail("it is not charged"));
    const funds = await funder.fund(callOf(tenantId));
    await funds.settle(spent(0n));
    await journal.flush(soon());
    assert.equal((await client().listUsage({ tenantId, limit: 10 })).records.length, 1);
    await leases.close();
    // Its end, which says all that its beginning did.
    assert.equal(spool.size, 1);
    await journal.stop();
    await spool.close();
  });
});

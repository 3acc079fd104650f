import assert from "node:assert/strict";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "@lyss/services/billing/deps.ts";
import { freeLeases } from "@lyss/services/billing/free-leases.ts";
import { moneyGrant, moneyReturn } from "@lyss/services/billing/lease-test-changes.ts";
import { closeLeases } from "@lyss/services/billing/ops/close-leases.ts";
import { expireHolds } from "@lyss/services/billing/ops/expire-holds.ts";
import { expireLeases } from "@lyss/services/billing/ops/expire-leases.ts";
import { pino } from "pino";
import { budgetOf, callOf, start } from "./memory-batch.ts";

const leaseTtlMs = 30_000;

/** Leases of two nodes on the money of two tenants: `a` and `b` of 100 nanos, `c` of nothing any more, `d` of another tenant. */
async function startLeased(entries: Parameters<typeof start>[1] = {}) {
  const world = await start(8_000n, entries);
  const { clock } = world;
  const grant = (leaseId: string, tenantId: string, nodeId: string, wantNanos = 100n) =>
    moneyGrant({ leaseId, tenantId, nodeId }, { wantNanos });
  await world.apply({
    leaseChanges: [grant("a", "ten_1", "node_1"), grant("b", "ten_1", "node_2"), grant("d", "ten_2", "node_1", 50n)],
  });
  await world.apply({ leaseChanges: [grant("c", "ten_1", "node_1")] });
  const emptied = { leaseId: "c", tenantId: "ten_1", nodeId: "node_1" };
  await world.apply({ leaseChanges: [moneyReturn(emptied, { changeNumber: 2, amountNanos: 100n })] });
  const woken: string[] = [];
  const logged: unknown[] = [];
  const write = (line: string) => {
    const { level, time, pid, hostname, ...rest } = JSON.parse(line);
    logged.push(rest);
  };
  const ledger = { wake: (tenantId: string) => void woken.push(tenantId) };
  const deps = { ...world.deps, ledger, log: pino({}, { write }) } as unknown as BillingDeps;
  const leaseIds = () => world.tables.rows.leases().map(({ leaseId }) => leaseId);
  const name = (leaseId: string, tenantId = "ten_1", nodeId = "node_1") => ({ leaseId, tenantId, nodeId });
  return { ...world, clock, woken, logged, deps, leaseIds, name };
}

test("a dead node's leases are closed: their wallets have the money back, and calls that wait for it are woken", async () => {
  const { deps, moneyOf, leaseIds, woken } = await startLeased();
  assert.deepEqual(
    [moneyOf("ten_1"), moneyOf("ten_2")],
    [
      [8_000n, 200n],
      [1_000n, 50n],
    ],
  );
  assert.equal(await closeLeases(deps, { nodeId: "node_1", leaseIds: ["a", "b", "c", "d", "x"] }), 150n);
  assert.deepEqual(
    [moneyOf("ten_1"), moneyOf("ten_2")],
    [
      [8_000n, 100n],
      [1_000n, 0n],
    ],
  );
  assert.deepEqual([leaseIds(), woken], [["b"], ["ten_1", "ten_2"]]);
  assert.equal(await closeLeases(deps, { nodeId: "node_1", leaseIds: ["a", "d"] }), 0n, "a repeat");
  assert.equal(woken.length, 2);
});

test("a lease without money is closed without anybody being woken, or a wallet written", async () => {
  const { deps, moneyOf, leaseIds, woken, takeSent } = await startLeased();
  takeSent();
  assert.equal(await closeLeases(deps, { nodeId: "node_1", leaseIds: ["c"] }), 0n);
  assert.deepEqual([leaseIds(), woken, moneyOf()], [["a", "b", "d"], [], [8_000n, 200n]]);
  assert.deepEqual(takeSent(), ["listLeasesOf", "lockWallets", "deleteLeasesOf", "writeBook"]);
});

test("what a freed lease held in budgets is free again, also where it had no money, and calls that wait for it are woken", async () => {
  const held = (holderId: string, amount: bigint) => ({
    holderId,
    budgetId: "bud_1",
    windowStartsAt: new Date(0),
    amount,
  });
  const { deps, books, opened, woken, takeSent } = await startLeased({
    budgets: [budgetOf({ used: 5n, reserved: 130n })],
    holds: [held("a", 100n), held("c", 30n)],
  });
  takeSent();
  assert.equal(await closeLeases(deps, { nodeId: "node_1", leaseIds: ["a"] }), 100n);
  assert.equal(await closeLeases(deps, { nodeId: "node_1", leaseIds: ["c"] }), 0n);
  assert.deepEqual(opened.slice(-2), [
    { budgetedTenantIds: ["ten_1"], calls: [], holderIds: ["a"] },
    { budgetedTenantIds: ["ten_1"], calls: [], holderIds: ["c"] },
  ]);
  assert.deepEqual(
    books.slice(-2).map(({ changes }) => changes.listChanged().map(({ after }) => [after.used, after.reserved])),
    [[[5n, 30n]], [[5n, 100n]]],
  );
  assert.deepEqual(woken, ["ten_1", "ten_1"]);
  assert.equal(takeSent().filter((name) => name === "writeBook").length, 2);
});

test("leases are freed after twice their time without a heart-beat, not a moment before; those with money are told", async () => {
  const { deps, clock, moneyOf, leaseIds, tables, logged, woken } = await startLeased();
  clock.advance(leaseTtlMs);
  await tables.leases.extendLeases(undefined as never, "node_2", ["b"], leaseTtlMs);
  clock.advance(leaseTtlMs);
  await expireLeases(deps);
  assert.deepEqual([leaseIds(), logged], [["a", "b", "d", "c"], []]);
  clock.advance(1);
  await expireLeases(deps);
  assert.deepEqual([leaseIds(), moneyOf("ten_1"), moneyOf("ten_2")], [["b"], [8_000n, 100n], [1_000n, 0n]]);
  const msg = "a lease expired with money in it";
  assert.deepEqual(logged, [
    { lease_id: "a", node: "node_1", nanos: "100", msg },
    { lease_id: "d", node: "node_1", nanos: "50", msg },
  ]);
  assert.deepEqual(woken, ["ten_1", "ten_2"]);
});

test("a lease that lives again by the time its wallet is locked keeps its money", async () => {
  const { deps, moneyOf, name } = await startLeased();
  const freed = await freeLeases(deps, [name("a"), name("b", "ten_1", "node_2")], (tx, leaseIds) =>
    deps.leases.deleteLeasesOf(tx, "node_1", leaseIds),
  );
  assert.deepEqual(
    freed.map(({ leaseId, amountNanos }) => [leaseId, amountNanos]),
    [["a", 100n]],
  );
  assert.deepEqual(moneyOf(), [8_000n, 100n]);
});

test("leases of a tenant whose wallet is gone are freed all the same", async () => {
  const { deps, name } = await startLeased();
  const freed = await freeLeases(deps, [name("a", "ten_x")], async () => [{ ...name("a", "ten_x"), amountNanos: 5n }]);
  assert.equal(freed.length, 1);
});

/** Two calls whose hearts no longer beat, one whose does, and a ledger that answers as it is told. */
async function startHeld(settle: (callId: string) => Error | undefined) {
  const world = await start(8_000n);
  await world.apply({ reserves: ["c1", "c2", "c3"].map((callId) => callOf(callId)) });
  world.clock.advance(60_001);
  await world.tables.store.extendHolds(undefined as never, ["c2"], 60_000);
  const settled: unknown[] = [];
  const ledger = {
    async settle(request: { callId: string }) {
      settled.push({ ...request, createdAt: undefined });
      const err = settle(request.callId);
      if (err) throw err;
    },
  };
  return { settled, run: () => expireHolds({ ...world.deps, ledger } as unknown as BillingDeps) };
}

test("holds whose heart no longer beats end as lost, at no cost", async () => {
  const { settled, run } = await startHeld(() => undefined);
  await run();
  const lost = (callId: string) => ({
    ...{ callId, tenantId: "ten_1", inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n },
    ...{ outcome: "lost", isEstimated: true, latencyMs: 0n },
  });
  const told = settled.map((request) =>
    Object.fromEntries(Object.entries(request as object).filter(([key]) => key in lost(""))),
  );
  assert.deepEqual(told, [lost("c1"), lost("c3")]);
});

test("a hold that another node has ended meanwhile, or that lives again, is no trouble; any other is thrown, after all were tried", async () => {
  const gone = await startHeld(() => new Failure(billingFailures.hold_not_found));
  await gone.run();
  const broken = await startHeld((callId) => (callId === "c1" ? new Error("the database is away") : undefined));
  await assert.rejects(broken.run(), /away/);
  assert.equal(broken.settled.length, 2);
});

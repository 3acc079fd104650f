import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BatchRequests } from "@lyss/services/billing/batch.ts";
import type { LockedWallet } from "@lyss/services/billing/journal/chain.ts";
import type { LeaseGrant } from "@lyss/services/billing/lease.ts";
import { moneyGrant, moneyReturn } from "@lyss/services/billing/lease-test-changes.ts";
import type { ReserveRequest } from "@lyss/services/billing/ledger-requests.ts";
import { noTokens } from "@lyss/services/billing/model.ts";
import { sayLowBalance } from "@lyss/services/billing/say-low-balance.ts";
import { budgetOf, callOf, codeOf, endOf, lostOf, moneyIn, start, startMs, tx } from "./memory-batch.ts";

test("a reservation holds its bound at the price of the moment, and a repeat gives the first hold", async () => {
  const { apply, moneyOf, tables, opened } = await start(250n);
  const { reserved } = await apply({ reserves: [callOf("c1"), callOf("c1", { inputTokens: 40n })] });
  const hold = {
    ...{
      callId: "c1",
      requestId: "req_1",
      tenantId: "ten_1",
      keyId: "key_1",
      userId: "usr_1",
      provider: "p",
      model: "m",
    },
    ...{ walletId: "wal_1", priceId: "prc_1", amountNanos: 100n, outputTokens: 45n },
  };
  assert.deepEqual(reserved, [
    { kind: "held", hold },
    { kind: "held", hold },
  ]);
  assert.deepEqual(moneyOf(), [250n, 100n]);
  const again = await apply({ reserves: [callOf("c1", { maxOutputTokens: 1n })] });
  const [known] = again.reserved;
  assert.ok(known?.kind === "held" && known.hold.amountNanos === 100n);
  assert.deepEqual([moneyOf(), tables.rows.holds().length], [[250n, 100n], 1]);
  assert.deepEqual(opened[0], {
    budgetedTenantIds: ["ten_1"],
    calls: [callOf("c1"), callOf("c1", { inputTokens: 40n })],
    holderIds: [],
  });
});

test("calls of a batch share what is there in their order; who finds too little waits, or is refused on the last try", async () => {
  const { apply, moneyOf } = await start(250n);
  const { reserved } = await apply({ reserves: ["c1", "c2", "c3"].map((callId) => callOf(callId)) });
  assert.deepEqual(reserved.map(codeOf), ["held", "held", "billing.insufficient_balance"]);
  assert.ok(reserved[2]?.kind === "wait" && reserved[2].budgetId === undefined);
  assert.deepEqual(moneyOf(), [250n, 200n]);
  const last = await apply({ reserves: [callOf("c3", { isLastTry: true }), callOf("c4", { inputTokens: 200n })] });
  assert.deepEqual(
    last.reserved.map(({ kind }) => kind),
    ["failed", "failed"],
    "a call for more than the balance never waits",
  );
});

test("a tenant without a wallet, a model without a price and a call that has ended are refused by name", async () => {
  const { apply, opened } = await start(500n);
  await apply({ reserves: [callOf("c0")] });
  await apply({ settles: [endOf("c0")] });
  const requests = [
    callOf("c1", { tenantId: "ten_x" }),
    callOf("c2", { model: "x" }),
    callOf("c3", { provider: "x" }),
    callOf("c0"),
  ];
  const { reserved } = await apply({ reserves: requests });
  assert.deepEqual(reserved.map(codeOf), [
    ...["billing.wallet_not_found", "billing.price_missing", "billing.price_missing", "billing.hold_not_found"],
  ]);
  assert.deepEqual(
    reserved.map(({ kind }) => kind),
    ["failed", "failed", "failed", "failed"],
  );
  assert.ok(reserved[1]?.kind === "failed");
  assert.deepEqual(reserved[1].failure.details, { model: "x", provider: "p" });
  assert.deepEqual(
    (opened.at(-1) as { calls: ReserveRequest[] }).calls.map(({ callId }) => callId),
    ["c2", "c3", "c0"],
  );
});

test("a tenant's own price is its own", async () => {
  const { apply, putPrice } = await start(1_000n);
  await putPrice({ priceId: "prc_2", tenantId: "ten_2", terms: { rates: { input: 1_000_000n, output: 3_000_000n } } });
  const { reserved } = await apply({ reserves: [callOf("c1"), callOf("c2", { tenantId: "ten_2" })] });
  const holds = reserved.flatMap((result) => (result.kind === "held" ? [result.hold] : []));
  assert.deepEqual(
    holds.map(({ priceId, amountNanos }) => [priceId, amountNanos]),
    [
      ["prc_1", 100n],
      ["prc_2", 145n],
    ],
  );
});

test("an open length is shortened to what is there, and not below what is comfortable while other calls hold money", async () => {
  const { apply } = await start(150n);
  const open = { minOutputTokens: 1n };
  const { reserved } = await apply({
    reserves: [callOf("c1"), callOf("c2", open), callOf("c3", { ...open, inputTokens: 1n })],
  });
  const outcomes = reserved.map((result) => (result.kind === "held" ? result.hold.outputTokens : result.kind));
  assert.deepEqual(outcomes, [45n, 20n, "wait"]);
});

test("what settles and comes back is there for the calls and leases of the same batch", async () => {
  const { apply, moneyOf } = await start(200n);
  const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
  await apply({ leaseChanges: [moneyGrant(lease, { wantNanos: 25n })] });
  await apply({ reserves: [callOf("c1")] });
  assert.deepEqual(moneyOf(), [200n, 125n]);
  const requests: Partial<BatchRequests> = {
    settles: [endOf("c1", { ...noTokens })],
    reserves: [callOf("c2", { maxOutputTokens: 90n, minOutputTokens: 90n })],
    leaseChanges: [
      moneyGrant({ ...lease, leaseId: "lse_2" }, { wantNanos: 9n }),
      moneyReturn(lease, { changeNumber: 2, amountNanos: 20n }),
    ],
  };
  const { reserved, changed } = await apply(requests);
  assert.deepEqual([reserved.map(codeOf), changed.map(moneyIn)], [["held"], [0n, -20n]]);
  assert.deepEqual(moneyOf(), [200n, 195n]);
});

test("a lease is granted, given back and repeated in one batch as one after the other; money moves once", async () => {
  const { apply, clock, moneyOf, opened, tables } = await start(8_000n);
  const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
  const grant = (changeNumber: number, wantNanos: bigint) => moneyGrant(lease, { changeNumber, wantNanos });
  const { changed } = await apply({ leaseChanges: [grant(1, 500n), grant(1, 500n), grant(2, 100n)] });
  assert.deepEqual(
    [changed.map(moneyIn), moneyOf()],
    [
      [500n, 500n, 100n],
      [8_000n, 600n],
    ],
  );
  const row = {
    ...lease,
    walletId: "wal_1",
    amountNanos: 600n,
    changeNumber: 2,
    changeNanos: 100n,
    changeTokens: 0n,
    changeCalls: 0n,
  };
  const leaseRow = () => tables.rows.leases().map((one) => ({ ...one, expiresMs: undefined }));
  assert.deepEqual(leaseRow(), [{ ...row, expiresMs: undefined }]);
  clock.advance(20_000);
  const repeat = await apply({ leaseChanges: [grant(2, 100n)] });
  assert.deepEqual([repeat.changed.map(moneyIn), moneyOf()], [[100n], [8_000n, 600n]]);
  clock.advance(20_000);
  assert.deepEqual(await tables.leases.listExpiredLeases(0, 9), [], "a repeat is a sign of life, too");
  const refused = await apply({
    leaseChanges: [
      grant(1, 5n),
      { ...grant(3, 5n), nodeId: "node_2" },
      { ...grant(1, 5n), leaseId: "lse_9", tenantId: "ten_x" },
    ],
  });
  assert.deepEqual(
    refused.changed.map((result) => (result instanceof Failure ? result.type.code : result)),
    ["billing.lease_not_found", "billing.lease_not_found", "billing.wallet_not_found"],
  );
  const { calls } = opened.at(-1) as { readonly calls: readonly { readonly tenantId: string }[] };
  assert.ok(!calls.some(({ tenantId }) => tenantId === "ten_x"), "who has no wallet is given no quota");
  assert.deepEqual(moneyOf(), [8_000n, 600n]);
});

test("a lease takes shares of the budgets of its calls, is told of which, and gives them back with its money", async () => {
  const budgets = [budgetOf({ limit: 8_000n }), budgetOf({ budgetId: "bud_2", unit: "calls", limit: 80n })];
  const { apply, books, opened, moneyOf } = await start(8_000n, { budgets });
  const names = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1", userId: "usr_1", keyId: "key_1" };
  const want = { money: 500n, tokens: 9n, calls: 4n };
  const grant: LeaseGrant = { kind: "grant", ...names, changeNumber: 1, want, least: { ...want, money: 1n } };
  const { changed } = await apply({ leaseChanges: [grant] });
  assert.deepEqual(opened, [{ budgetedTenantIds: ["ten_1"], calls: [grant], holderIds: ["lse_1"] }]);
  const [answer] = changed;
  assert.ok(answer && "amounts" in answer);
  assert.deepEqual([answer.amounts, answer.nowMs], [{ money: 500n, tokens: 0n, calls: 4n }, startMs]);
  assert.deepEqual(
    answer.budgets.map(({ budgetId, reserved }) => [budgetId, reserved]),
    [
      ["bud_1", 500n],
      ["bud_2", 4n],
    ],
  );
  const held = books[0]?.changes.listNew() ?? [];
  assert.deepEqual(
    held.map(({ holderId, budgetId, amount }) => [holderId, budgetId, amount]),
    [
      ["lse_1", "bud_1", 500n],
      ["lse_1", "bud_2", 4n],
    ],
  );
  assert.deepEqual(moneyOf(), [8_000n, 500n]);
  const back = { kind: "return", ...names, changeNumber: 2, amounts: { money: 100n, tokens: 0n, calls: 1n } } as const;
  const later = await start(8_000n, { budgets: answer.budgets, holds: held });
  await later.apply({ leaseChanges: [grant] });
  const { freedBudgetIds } = await later.apply({ leaseChanges: [back] });
  assert.deepEqual(
    [later.moneyOf(), [...freedBudgetIds]],
    [
      [8_000n, 400n],
      ["bud_1", "bud_2"],
    ],
  );
  assert.deepEqual(later.opened.at(-1), { budgetedTenantIds: ["ten_1"], calls: [], holderIds: ["lse_1"] });
});

test("nothing of what calls wait for goes into a lease: no money of their tenant, and none of their budget", async () => {
  const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
  const granted = async (tenantIds: readonly string[], budgetIds: readonly string[]) => {
    const { apply } = await start(8_000n, { budgets: [budgetOf({ scopeKind: "tenant", scopeId: "ten_1" })] });
    const awaited = { tenantIds: new Set(tenantIds), budgetIds: new Set(budgetIds) };
    const { changed } = await apply({ leaseChanges: [moneyGrant(lease, { wantNanos: 50n })], awaited });
    return changed.map(moneyIn);
  };
  assert.deepEqual(await granted(["ten_2"], ["bud_2"]), [50n]);
  assert.deepEqual(await granted(["ten_1"], []), [0n]);
  assert.deepEqual(await granted([], ["bud_1"]), [0n]);
});

test("a lease that gets nothing holds nothing of budgets", async () => {
  const { apply, books } = await start(8_000n, {
    budgets: [budgetOf({ scopeKind: "tenant", scopeId: "ten_1", limit: 7n })],
  });
  const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
  const { changed } = await apply({ leaseChanges: [moneyGrant(lease, { wantNanos: 50n })] });
  assert.deepEqual([changed.map(moneyIn), books[0]?.changes.listNew()], [[0n], []]);
});

test("of a low balance what is lent does not count", async () => {
  const said = async (balanceNanos: bigint) => {
    const { options, tables } = await start(100n);
    const [wallet] = tables.rows.wallets();
    assert.ok(wallet);
    const before = { ...wallet, balanceNanos: 100n, creditLimitNanos: 20n } as LockedWallet;
    await sayLowBalance(tx, { ...options, lowBalanceNanos: 50n }, before, { ...wallet, balanceNanos });
    return tables.rows.events().filter(({ type }) => type === "billing.balance.low").length;
  };
  assert.deepEqual([await said(70n), await said(69n)], [0, 1]);
});

test("what a call may use is set aside in its budgets, and freed and charged when it ends", async () => {
  const { apply, books } = await start(500n, {
    budgets: [budgetOf({}), budgetOf({ budgetId: "bud_2", unit: "tokens" })],
  });
  await apply({ reserves: [callOf("c1", { choices: 2n })] });
  const holds = books[0]?.changes.listNew();
  assert.deepEqual(
    holds?.map(({ budgetId, amount }) => [budgetId, amount]),
    [
      ["bud_1", 190n],
      ["bud_2", 100n],
    ],
  );
});

test("a call that a budget has no room for waits for that budget, or is refused by it, and the refusal is noted", async () => {
  const { apply, books } = await start(500n, { budgets: [budgetOf({ limit: 150n, reserved: 100n })] });
  const [waiting, refused] = (await apply({ reserves: [callOf("c1"), callOf("c2", { isLastTry: true })] })).reserved;
  assert.ok(waiting?.kind === "wait" && waiting.budgetId === "bud_1" && codeOf(waiting) === "billing.budget_exceeded");
  assert.deepEqual([refused?.kind, codeOf(refused)], ["failed", "billing.budget_exceeded"]);
  assert.deepEqual(
    books[0]?.changes.refusals.map(({ budget, keyId }) => [budget.budgetId, keyId]),
    [["bud_1", "key_1"]],
  );
  const roomy = await start(500n, { budgets: [budgetOf({ limit: 9_000n })] });
  const { reserved } = await roomy.apply({ reserves: [callOf("c3", { inputTokens: 1_000n })] });
  assert.deepEqual([reserved[0]?.kind, codeOf(reserved[0])], ["failed", "billing.insufficient_balance"]);
  assert.deepEqual(roomy.books[0]?.changes.refusals, []);
});

test("a batch asks and writes only what its requests need", async () => {
  const { apply, clock, takeSent } = await start(8_000n);
  await apply({ reserves: [callOf("c1")] });
  assert.deepEqual(takeSent(), [
    "lockWallets",
    "findHolds",
    "findRecentUsage",
    "findPrices",
    "write",
    "insertHolds",
    "writeBook",
  ]);
  await apply({ settles: [endOf("c1")] });
  assert.deepEqual(takeSent(), [
    "lockWallets",
    "findHolds",
    "findPricesById",
    "write",
    "deleteHolds",
    "putUsage",
    "writeBook",
  ]);
  await apply({ settles: [endOf("c1")] });
  assert.deepEqual(takeSent(), ["lockWallets", "findHolds", "findUsage", "writeBook"]);
  await apply({ reserves: [callOf("c1"), callOf("c2")] });
  assert.deepEqual(takeSent(), [
    "lockWallets",
    "findHolds",
    "findRecentUsage",
    "findPrices",
    "write",
    "insertHolds",
    "writeBook",
  ]);
  clock.advance(60_001);
  await apply({ settles: [lostOf("c2")] });
  assert.deepEqual(takeSent(), ["lockWallets", "findHolds", "write", "deleteHolds", "putUsage", "writeBook"]);
  await apply({ settles: [endOf("c2")] });
  assert.deepEqual(takeSent(), ["lockWallets", "findHolds", "findUsage", "write", "putUsage", "writeBook"]);
  await apply({ settles: [endOf("c9")] });
  assert.deepEqual(takeSent(), ["lockWallets", "findHolds", "findUsage", "writeBook"]);
  const grant = moneyGrant({ leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" }, { wantNanos: 5n });
  await apply({ leaseChanges: [grant] });
  assert.deepEqual(takeSent(), ["lockWallets", "lockLeases", "write", "putLeases", "writeBook"]);
  await apply({ leaseChanges: [grant] });
  assert.deepEqual(takeSent(), ["lockWallets", "lockLeases", "putLeases", "writeBook"]);
});

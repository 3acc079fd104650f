import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AdjustWalletInput,
  createCorrections,
  type RefundCallInput,
} from "@lyss/services/billing/corrections/corrections.ts";
import { collectDebts, readDebt } from "@lyss/services/billing/debts/debts.ts";
import { correctWallet } from "@lyss/services/billing/invoices/correct-wallet.ts";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { callOf, endOf, startMs, tx } from "./memory-batch.ts";
import { outcomeOf, startCredit } from "./memory-credit.ts";

const million = 1_000_000n * 1_000_000_000n;
const cause = { reference: "r1", reason: "a mistake", userId: "usr_9" };

async function startCorrections(balanceNanos: bigint) {
  const world = await startCredit(balanceNanos);
  const { adjustWallet, refundCall } = createCorrections(world.deps);
  return {
    ...world,
    adjust: (amountNanos: bigint, more: Partial<AdjustWalletInput> = {}) =>
      outcomeOf(adjustWallet({ ...cause, tenantId: "ten_1", amountNanos, ...more })),
    refund: (amountNanos: bigint | undefined, more: Partial<RefundCallInput> = {}) =>
      outcomeOf(refundCall({ ...cause, callId: "c1", amountNanos, ...more })),
    /** A call that cost 40 nanos. */
    async charge(callId = "c1", tenantId = "ten_1") {
      await world.apply({ reserves: [callOf(callId, { tenantId })] });
      await world.apply({ settles: [endOf(callId, { tenantId })] });
    },
  };
}

/** The amounts of a posting by account. */
function amountsOf(posting: {
  readonly entries: readonly { readonly account: string; readonly amountNanos: bigint }[];
}) {
  return Object.fromEntries(posting.entries.map(({ account, amountNanos }) => [account, amountNanos]));
}

test("an adjustment puts money in or takes it out, as a posting of its own, and says why", async () => {
  const { adjust, moneyOf, postings, eventsOf, takeWoken } = await startCorrections(100n);
  const put = await adjust(30n);
  assert.ok("adjustment" in put && typeof put.adjustment === "object" && put.adjustment);
  const { adjustmentId, ...rest } = put.adjustment as Record<string, unknown>;
  assert.match(String(adjustmentId), /^adj_/);
  assert.deepEqual(rest, {
    ...{ walletId: "wal_1", tenantId: "ten_1", reference: "r1", reason: "a mistake", createdBy: "usr_9" },
    ...{ amountNanos: 30n, createdAt: new Date(startMs) },
  });
  assert.equal((put.wallet as { balanceNanos: bigint }).balanceNanos, 130n);
  const taken = await adjust(-130n, { reference: "r2" });
  assert.ok("wallet" in taken);
  assert.deepEqual([(taken.wallet as { balanceNanos: bigint }).balanceNanos, moneyOf()], [0n, [0n, 0n]]);
  const [first, second] = postings();
  assert.ok(first && second);
  assert.deepEqual(
    [first.kind, first.reference, amountsOf(first)],
    [...["adjustment", adjustmentId, { adjustment: -30n, "wallet:wal_1": 30n }]],
  );
  assert.deepEqual(amountsOf(second), { adjustment: 130n, "wallet:wal_1": -130n });
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", reason: "a mistake" };
  assert.deepEqual(eventsOf("billing.wallet.adjusted")[0], { ...facts, adjustmentId, amountNanos: 30n });
  assert.deepEqual([eventsOf("billing.wallet.adjusted")[1]?.["amountNanos"], takeWoken()], [-130n, ["ten_1", "ten_1"]]);
});

test("the same reference adjusts once, and is never another amount's; a tenant without a wallet is refused", async () => {
  const { adjust, moneyOf } = await startCorrections(100n);
  const [first, again] = [await adjust(30n), await adjust(30n)];
  assert.ok("adjustment" in first && "adjustment" in again);
  assert.deepEqual([again.adjustment, moneyOf()], [first.adjustment, [130n, 0n]]);
  assert.deepEqual(await adjust(31n), { code: "billing.reference_reused", reference: "r1" });
  assert.deepEqual(await adjust(1n, { tenantId: "ten_x" }), { code: "billing.wallet_not_found" });
  assert.deepEqual(moneyOf(), [130n, 0n]);
});

test("an adjustment is at most a million, never nothing, and takes no more than is available", async () => {
  const { adjust, apply, moneyOf } = await startCorrections(150n);
  const range = { code: "billing.amount_out_of_range", minimum: "0.000000001", maximum: "1000000", currency: "USD" };
  for (const amount of [0n, million + 1n, -million - 1n]) assert.deepEqual(await adjust(amount), range);
  await apply({ reserves: [callOf("c1")] });
  assert.deepEqual(await adjust(-51n), {
    ...{ code: "billing.amount_unavailable", requested: "0.000000051", available: "0.00000005", currency: "USD" },
  });
  assert.deepEqual(moneyOf(), [150n, 100n]);
  assert.ok("wallet" in (await adjust(-50n)));
  assert.deepEqual(moneyOf(), [100n, 100n]);
  assert.ok("wallet" in (await adjust(million, { reference: "r2" })));
});

test("what is lent is not taken out, and where more is held than is the tenant's own nothing is available", async () => {
  const { adjust, apply, post, tables } = await startCorrections(20n);
  await post("credit_limit", accounts.overdraft("wal_1"), accounts.wallet("wal_1"), 100n);
  await tables.creditLimitStore.updateCreditLimit(tx, "wal_1", 100n);
  await apply({ reserves: [callOf("c1")] });
  const refused = await adjust(-1n);
  assert.deepEqual([refused["code" as never], refused["available" as never]], ["billing.amount_unavailable", "0"]);
});

test("what is put in pays what the tenant owes first", async () => {
  const { adjust, owe, moneyOf, entriesOf } = await startCorrections(10n);
  await owe(25n);
  await adjust(30n);
  assert.deepEqual([moneyOf(), entriesOf("receivable:wal_1")], [[15n, 0n], 0n]);
});

test("what is taken out of a wallet ends grants that are no longer covered", async () => {
  const { adjust, grants } = await startCorrections(100n);
  const grant = {
    ...{ grantId: "grt_1", walletId: "wal_1", tenantId: "ten_1", reference: "g", reason: "", createdBy: "" },
    ...{ amountNanos: 80n, leftNanos: 80n, spentMarkNanos: 0n, expiredNanos: 0n, expiries: 0 },
    ...{ expiresAt: new Date(startMs + 1_000), createdAt: new Date(startMs), endedAt: null },
  };
  grants.set("grt_1", grant);
  await adjust(-10n);
  assert.equal(grants.get("grt_1")?.leftNanos, 80n);
  await adjust(-40n, { reference: "r2" });
  assert.equal(grants.get("grt_1")?.leftNanos, 50n);
  grants.set("grt_1", { ...grant, leftNanos: 999n });
  await adjust(5n, { reference: "r3" });
  assert.equal(grants.get("grt_1")?.leftNanos, 999n, "what comes in is no reason to look at them");
});

test("a call is refunded in parts or whole, never more than it cost, as money of the tenant's own", async () => {
  const { refund, charge, moneyOf, postings, eventsOf, takeWoken } = await startCorrections(1_000n);
  await charge();
  takeWoken();
  const part = await refund(15n);
  assert.ok("refundId" in part);
  const { refundId, ...rest } = part as Record<string, unknown>;
  assert.match(String(refundId), /^rfd_/);
  assert.deepEqual(rest, {
    ...{ callId: "c1", tenantId: "ten_1", walletId: "wal_1", reference: "r1", reason: "a mistake" },
    ...{ createdBy: "usr_9", amountNanos: 15n, createdAt: new Date(startMs) },
  });
  assert.deepEqual([moneyOf(), takeWoken()], [[975n, 0n], ["ten_1"]]);
  const refused = { code: "billing.refund_too_large", maximum: "0.000000025", currency: "USD" };
  for (const amount of [26n, 0n, -1n]) assert.deepEqual(await refund(amount, { reference: "r2" }), refused);
  const all = await refund(undefined, { reference: "r3" });
  assert.equal((all as { amountNanos: bigint }).amountNanos, 25n);
  assert.deepEqual(moneyOf(), [1_000n, 0n]);
  assert.deepEqual(await refund(undefined, { reference: "r4" }), { ...refused, maximum: "0" });
  const [, first] = postings();
  assert.ok(first);
  assert.deepEqual(
    [first.kind, first.reference, amountsOf(first)],
    [...["refund", refundId, { revenue: -15n, "wallet:wal_1": 15n }]],
  );
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", reason: "a mistake", callId: "c1" };
  assert.deepEqual(eventsOf("billing.refund.completed")[0], { ...facts, refundId, amountNanos: 15n });
});

test("the same reference refunds a call once, whatever is left of it; a call of which nothing is known is refused", async () => {
  const { refund, charge, moneyOf, owe, entriesOf } = await startCorrections(1_000n);
  await charge();
  const first = await refund(40n);
  assert.deepEqual(await refund(40n), first);
  assert.deepEqual(await refund(undefined), first);
  assert.deepEqual(await refund(39n), { code: "billing.reference_reused", reference: "r1" });
  assert.deepEqual(await refund(1n, { callId: "c9" }), { code: "billing.call_not_found" });
  assert.deepEqual(moneyOf(), [1_000n, 0n]);
  await charge("c2");
  await owe(30n);
  await refund(40n, { callId: "c2" });
  assert.deepEqual([moneyOf(), entriesOf("receivable:wal_1")], [[970n, 0n], 0n]);
});

test("a call is refunded to the wallet that paid for it and to no other, and where that is gone to none", async () => {
  const { refund, charge, deps, moneyOf } = await startCorrections(1_000n);
  await charge("c1", "ten_2");
  await refund(undefined);
  assert.deepEqual(
    [moneyOf("ten_1"), moneyOf("ten_2")],
    [
      [1_000n, 0n],
      [1_000n, 0n],
    ],
  );
  const { corrections } = deps;
  const lost = { code: "billing.call_not_found" };
  const costOf = corrections.getCallCost;
  corrections.getCallCost = async (given, callId) => {
    const cost = await costOf(given, callId);
    return cost && { ...cost, walletId: "wal_9" };
  };
  assert.deepEqual(await refund(1n, { reference: "r2" }), lost);
  corrections.findCallTenant = async () => "ten_x";
  assert.deepEqual(await refund(1n, { reference: "r2" }), lost);
  Object.assign(corrections, { findCallTenant: async () => "ten_1", getCallCost: async () => undefined });
  assert.deepEqual(await refund(1n, { reference: "r2" }), lost);
});

test("debts are paid out of what has become available, no more than is owed, and never out of what is lent", async () => {
  const { deps, owe, apply, moneyOf, entriesOf, postings, post, tables, options } = await startCorrections(120n);
  await apply({ reserves: [callOf("c1")] });
  await owe(50n);
  const debt = async () => readDebt(tx, deps, (await options.journal.lockWallets(tx, ["ten_1"], "USD"))[0] as never);
  assert.equal(await debt(), 50n);
  await collectDebts(deps, new AbortController().signal);
  assert.deepEqual([moneyOf(), await debt()], [[100n, 100n], 30n]);
  await collectDebts(deps, new AbortController().signal);
  assert.deepEqual([moneyOf(), postings().filter(({ kind }) => kind === "debt").length], [[100n, 100n], 1]);
  await post("credit_limit", accounts.overdraft("wal_1"), accounts.wallet("wal_1"), 25n);
  await tables.creditLimitStore.updateCreditLimit(tx, "wal_1", 25n);
  await collectDebts(deps, new AbortController().signal);
  assert.deepEqual([moneyOf(), await debt()], [[125n, 100n], 30n]);
  await post("top_up", accounts.manual, accounts.wallet("wal_1"), 40n);
  await collectDebts(deps, new AbortController().signal);
  assert.deepEqual([moneyOf(), entriesOf("receivable:wal_1")], [[135n, 100n], 0n]);
  const paid = postings().filter(({ kind }) => kind === "debt");
  assert.deepEqual(paid.map(amountsOf), [
    { "wallet:wal_1": -20n, "receivable:wal_1": 20n },
    { "wallet:wal_1": -30n, "receivable:wal_1": 30n },
  ]);
  assert.ok(paid.every(({ reference }) => /^pst_/.test(reference)));
});

test("of debts no more than a hundred tenants are looked at in a run, and none once it is to stop", async () => {
  const { deps, owe, moneyOf } = await startCorrections(120n);
  await owe(50n);
  const aborted = new AbortController();
  aborted.abort();
  await collectDebts(deps, aborted.signal);
  assert.deepEqual(moneyOf(), [120n, 0n]);
  const asked: unknown[] = [];
  const { listDebtors } = deps.debts;
  deps.debts.listDebtors = async (prefix, limit) => {
    asked.push([prefix, limit]);
    return [{ tenantId: "ten_x" }, ...(await listDebtors(prefix, limit))];
  };
  await collectDebts(deps, new AbortController().signal);
  assert.deepEqual([asked, moneyOf()], [[["receivable:", 100]], [70n, 0n]]);
});

test("a debt that is paid ends grants that are no longer covered", async () => {
  const { deps, owe, grants } = await startCorrections(100n);
  const at = new Date(startMs);
  grants.set("grt_1", {
    ...{ grantId: "grt_1", walletId: "wal_1", tenantId: "ten_1", reference: "g", reason: "", createdBy: "" },
    ...{ amountNanos: 80n, leftNanos: 80n, spentMarkNanos: 0n, expiredNanos: 0n, expiries: 0 },
    ...{ expiresAt: new Date(startMs + 1_000), createdAt: at, endedAt: null },
  });
  await owe(100n);
  await collectDebts(deps, new AbortController().signal);
  assert.deepEqual([grants.get("grt_1")?.leftNanos, grants.get("grt_1")?.endedAt], [0n, at]);
});

/** A period is put right by hand. */
async function startPeriods(balanceNanos: bigint) {
  const world = await startCredit(balanceNanos);
  const subjects: unknown[] = [];
  const invoices = {
    insertSubject: async (_tx: unknown, postingId: string, aboutAt: Date, note: string) =>
      void subjects.push([postingId.slice(0, 4), aboutAt, note]),
  };
  const deps = { ...world.deps, invoices } as unknown as Parameters<typeof correctWallet>[0];
  const about = { tenantId: "ten_1", reference: "r1", aboutAt: new Date(5), note: "an outage" };
  return {
    ...{ ...world, subjects },
    correct: (amountNanos: bigint, more: object = {}) =>
      outcomeOf(correctWallet(deps, { ...about, amountNanos, ...more })),
  };
}

test("an earlier period is put right now, with what it is about, once for each reference", async () => {
  const { correct, moneyOf, postings, subjects, takeWoken } = await startPeriods(100n);
  const first = await correct(30n);
  assert.ok("isNew" in first);
  assert.deepEqual([first.isNew, (first.wallet as { balanceNanos: bigint }).balanceNanos], [true, 130n]);
  const again = await correct(30n);
  assert.ok("isNew" in again);
  assert.deepEqual([again.isNew, (again.wallet as { balanceNanos: bigint }).balanceNanos], [false, 130n]);
  await correct(-40n, { reference: "r2" });
  assert.deepEqual(
    [moneyOf(), takeWoken()],
    [
      [90n, 0n],
      ["ten_1", "ten_1", "ten_1"],
    ],
  );
  assert.deepEqual(
    postings().map((posting) => [posting.kind, posting.reference, amountsOf(posting)]),
    [
      ["correction", "wal_1/r1", { correction: -30n, "wallet:wal_1": 30n }],
      ["correction", "wal_1/r2", { correction: 40n, "wallet:wal_1": -40n }],
    ],
  );
  assert.deepEqual(subjects, [
    ["pst_", new Date(5), "an outage"],
    ["pst_", new Date(5), "an outage"],
  ]);
  assert.deepEqual(await correct(31n), { code: "billing.reference_reused", reference: "r1" });
  assert.deepEqual(await correct(1n, { tenantId: "ten_x" }), { code: "billing.wallet_not_found" });
});

test("a correction is never nothing, at most a million, and takes no more than is available of the tenant's own", async () => {
  const { correct, apply, moneyOf, post, tables } = await startPeriods(150n);
  await apply({ reserves: [callOf("c1")] });
  const refused = (minimum: string) => ({
    ...{ code: "billing.amount_out_of_range", minimum, maximum: "1000000", currency: "USD" },
  });
  for (const amount of [0n, -51n, million + 1n]) assert.deepEqual(await correct(amount), refused("-0.00000005"));
  await correct(-50n);
  assert.deepEqual(moneyOf(), [100n, 100n]);
  assert.deepEqual(await correct(-1n, { reference: "r2" }), refused("0"));
  await post("credit_limit", accounts.overdraft("wal_1"), accounts.wallet("wal_1"), 60n);
  await tables.creditLimitStore.updateCreditLimit(tx, "wal_1", 60n);
  await post("charge", accounts.wallet("wal_1"), accounts.revenue, 10n);
  assert.deepEqual(await correct(-1n, { reference: "r3" }), refused("0"), "all of the rest is lent");
  assert.ok("isNew" in (await correct(million, { reference: "r4" })));
});

test("of a wallet that holds more than a million no more than that is taken at a time", async () => {
  const { correct } = await startPeriods(2n * million);
  assert.deepEqual(await correct(-million - 1n), {
    ...{ code: "billing.amount_out_of_range", minimum: "-1000000", maximum: "1000000", currency: "USD" },
  });
  assert.ok("isNew" in (await correct(-million)));
});

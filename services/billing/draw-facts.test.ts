import assert from "node:assert/strict";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { drawFacts, priceFacts } from "./draw-facts.ts";
import type { Fact, PostedFact } from "./fact.ts";
import type { Lease } from "./lease.ts";
import type { Wallet } from "./model.ts";

const random = createRandom(createFakeClock(), (size) => Buffer.alloc(size));

/** One nano per input token, half a nano for cached input, two nanos per output token. */
const terms = { rates: { input: 1_000_000n, cacheRead: 500_000n, output: 2_000_000n } };
const prices = new Map([["prc_1", { terms }]]);

const factOf = (more: Partial<Fact> = {}): Fact => ({
  ...{ callId: "call_1", attempt: 1, leaseId: "lse_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1" },
  ...{ userId: "usr_1", provider: "p", model: "m", priceId: "prc_1", outcome: "completed", isEstimated: false },
  ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 45n, latencyMs: 5n, startedAtMs: 0n },
  ...more,
});
const costing = (costNanos: bigint, more: Partial<PostedFact> = {}): PostedFact => ({
  ...{ ...factOf(), walletId: "wal_1", postingId: "pst_1", costNanos, uncollectedNanos: 0n, roundingTrillionths: 0n },
  ...more,
});
const walletOf = (balanceNanos: bigint, heldNanos: bigint, more: Partial<Wallet> = {}): Wallet => ({
  ...{ walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos },
  ...more,
});
const leaseOf = (amountNanos: bigint, more: Partial<Lease> = {}): Lease => ({
  ...{ leaseId: "lse_1", nodeId: "node_1", walletId: "wal_1", tenantId: "ten_1", amountNanos },
  ...{ changeNumber: 1, changeNanos: amountNanos, changeTokens: 0n, changeCalls: 0n },
  ...more,
});
const moneyOf = ({ balanceNanos, heldNanos }: Wallet) => [balanceNanos, heldNanos];
const postingOf = (amountNanos: bigint, number = 1) => ({
  ...{ postingId: `pst_${number}`, kind: "usage", reference: `pst_${number}`, currency: "USD" },
  entries: [
    { account: `wallet:wal_${number}`, amountNanos: -amountNanos },
    { account: "revenue", amountNanos },
  ],
});

test("facts are priced exactly, rounded up once, and named after the wallets that pay and one posting for each", () => {
  const facts = [
    factOf(),
    factOf({ callId: "call_2", cachedInputTokens: 1n }),
    factOf({ callId: "call_3", tenantId: "ten_2" }),
  ];
  const wallets = [walletOf(1n, 0n), walletOf(1n, 0n, { walletId: "wal_2", tenantId: "ten_2" })];
  const priced = priceFacts(facts, { prices, wallets, random });
  assert.deepEqual(
    priced.map((fact) => [fact.callId, fact.walletId, fact.costNanos, fact.uncollectedNanos]),
    [
      ["call_1", "wal_1", 100n, 0n],
      ["call_2", "wal_1", 101n, 0n],
      ["call_3", "wal_2", 100n, 0n],
    ],
  );
  assert.match(priced[0]?.postingId ?? "", /^pst_[0-9a-z]{26}$/);
  assert.equal(priced[0]?.postingId, priced[1]?.postingId);
});

test("a fact of an unknown price or of a tenant without a wallet is refused, and says which price", () => {
  const wallets = [walletOf(1n, 0n)];
  assert.throws(
    () => priceFacts([factOf({ priceId: "prc_x" })], { prices, wallets, random }),
    (err) => isFailure(err, billingFailures.price_unknown) && err.details["priceId"] === "prc_x",
  );
  assert.throws(
    () => priceFacts([factOf({ tenantId: "ten_x" })], { prices, wallets, random }),
    (err) => isFailure(err, billingFailures.wallet_not_found),
  );
  assert.throws(
    () => drawFacts([costing(1n, { walletId: "wal_x" })], { wallets, leases: [] }),
    (err) => isFailure(err, billingFailures.wallet_not_found),
  );
});

test("what the lease holds pays first, then what is available, and the rest is uncollected, fact by fact", () => {
  const facts = [costing(60n), costing(60n), costing(60n), costing(60n)];
  // 100 leased, 70 available, 30 held by others.
  const drawn = drawFacts(facts, { wallets: [walletOf(200n, 130n)], leases: [leaseOf(100n)] });
  assert.deepEqual(
    drawn.posted.map(({ costNanos, uncollectedNanos }) => [costNanos, uncollectedNanos]),
    [
      [60n, 0n],
      [60n, 0n],
      [50n, 10n],
      [0n, 60n],
    ],
  );
  assert.deepEqual(drawn.short, drawn.posted.slice(2));
  assert.equal(drawn.uncollectedNanos, 70n);
  assert.deepEqual(drawn.wallets.map(moneyOf), [[30n, 30n]]);
  assert.deepEqual(drawn.leases, [{ ...leaseOf(100n), amountNanos: 0n }]);
  assert.deepEqual(drawn.postings, [postingOf(170n)]);
});

test("a fact that its lease pays for leaves what is available alone, and is the row that was priced", () => {
  const fact = costing(40n);
  const drawn = drawFacts([fact], { wallets: [walletOf(100n, 50n)], leases: [leaseOf(50n)] });
  assert.equal(drawn.posted[0], fact);
  assert.deepEqual(drawn.short, []);
  assert.deepEqual(drawn.wallets.map(moneyOf), [[60n, 10n]]);
  assert.deepEqual(drawn.leases, [{ ...leaseOf(50n), amountNanos: 10n }]);
});

test("a lease that is no more, or another wallet's, pays for nothing: the cost is taken from what is available", () => {
  const other = leaseOf(50n, { leaseId: "lse_2", walletId: "wal_2" });
  const drawn = drawFacts([costing(40n), costing(40n, { leaseId: "lse_2" })], {
    wallets: [walletOf(100n, 10n)],
    leases: [other],
  });
  assert.deepEqual(drawn.wallets.map(moneyOf), [[20n, 10n]]);
  assert.deepEqual(drawn.leases, []);
  assert.deepEqual(drawn.postings, [postingOf(80n)]);
});

test("what costs nothing, and what nothing can be paid for, changes no money and makes no posting", () => {
  const before = { wallets: [walletOf(50n, 50n)], leases: [leaseOf(0n)] };
  const drawn = drawFacts([costing(0n), costing(30n)], before);
  assert.deepEqual([drawn.wallets, drawn.leases, drawn.postings], [[], [], []]);
  assert.deepEqual([drawn.uncollectedNanos, drawn.short.length], [30n, 1]);
  const paid = drawFacts([costing(30n)], { wallets: [walletOf(80n, 50n)], leases: [leaseOf(0n)] });
  assert.deepEqual([paid.wallets.map(moneyOf), paid.leases], [[[50n, 50n]], []], "an empty lease is none that changes");
});

test("each wallet pays for its own, and has one posting for all of it", () => {
  const second = { walletId: "wal_2", leaseId: "lse_2", postingId: "pst_2" };
  const drawn = drawFacts([costing(10n), costing(7n, second), costing(20n), costing(8n, second)], {
    wallets: [walletOf(100n, 100n), walletOf(100n, 0n, { walletId: "wal_2", tenantId: "ten_2" })],
    leases: [leaseOf(100n)],
  });
  assert.deepEqual(drawn.wallets.map(moneyOf), [
    [70n, 70n],
    [85n, 0n],
  ]);
  assert.deepEqual(drawn.postings, [postingOf(30n), postingOf(15n, 2)]);
});

test("B20: whole nanos that rounding added go to an account of their own, of calls that were paid in full", () => {
  const rounded = (roundingTrillionths: bigint, costNanos = 1n) => costing(costNanos, { roundingTrillionths });
  const half = 500_000_000_000n;
  const money = (balanceNanos: bigint) => ({ wallets: [walletOf(balanceNanos, 0n)], leases: [] });
  const most = Array.from({ length: 1_000 }, () => rounded(999_999_999_999n));
  assert.deepEqual(drawFacts(most, money(2_000n)).postings[0]?.entries, [
    { account: "wallet:wal_1", amountNanos: -1_000n },
    { account: "revenue", amountNanos: 1n },
    { account: "rounding", amountNanos: 999n },
  ]);
  assert.deepEqual(drawFacts([rounded(half)], money(9n)).postings, [postingOf(1n)], "less than a nano stays");
  const unpaid = drawFacts([rounded(half), rounded(half), rounded(half, 10n)], money(7n));
  assert.deepEqual(unpaid.postings[0]?.entries, [
    { account: "wallet:wal_1", amountNanos: -7n },
    { account: "revenue", amountNanos: 6n },
    { account: "rounding", amountNanos: 1n },
  ]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { everyone, type Price } from "../prices/price.ts";
import { nobody } from "./billing-profile.ts";
import { readStatement, type StatementDeps, type StatementRange } from "./read-statement.ts";
import type { JournalRange, MovementRow, StatementStore, UsageSumQuery, UsageSumRow } from "./statement-store.ts";

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 9, 1);
const range: StatementRange = {
  ...{ walletId: "wal_1", tenantId: "ten_1", currency: "USD", after: 4n, through: 9n },
  ...{ startMs, endMs: startMs + 2 * dayMs },
};
const rowOf = (more: Partial<UsageSumRow> = {}): UsageSumRow => ({
  ...{ provider: "p", model: "m", priceId: "prc_1", mode: null, tier: 0, windows: "", aboutPeriod: "", calls: 1n },
  ...{ sampleInputTokens: 1n, sampleBeganAt: new Date(startMs), estimatedCalls: 1n, inputTokens: 10n },
  ...{ cachedInputTokens: 20n, outputTokens: 30n, otherBuckets: null, paidNanos: 7n, uncollectedNanos: 1n, ...more },
});
const movementOf = (postingId: string): MovementRow => ({
  ...{ postingId, kind: "top_up", reference: "r", postedAt: new Date(startMs), amountNanos: 5n },
  ...{ counterparty: "funding:manual", aboutAt: null, note: "" },
});
const priceOf = (priceId: string): Price => ({
  ...{ ...everyone, priceId, provider: "p", model: "m", version: 1, currency: "USD", origin: "operator" },
  ...{ terms: { rates: {} }, effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true },
});
const buyer = { ...nobody, name: "buyer" };

interface World {
  /** What each posting charged, and what usage there is of each day asked for. */
  readonly chargedNanos?: bigint;
  readonly usage?: (query: UsageSumQuery) => readonly UsageSumRow[];
  readonly isKnown?: boolean;
}

/** A journal in which each part that is read has a movement, beside what it charged. */
function start({ chargedNanos = 0n, usage = () => [], isKnown = true }: World = {}) {
  const asked: unknown[][] = [];
  const note = (name: string, ...facts: readonly unknown[]) => void asked.push([name, ...facts]);
  const statementStore = {
    async readBalanceAt({ walletId, through }: { walletId: string; through: bigint }) {
      note("balance", walletId, through);
      return 1_000n;
    },
    async sumCharges({ walletId, after, through }: JournalRange) {
      note("charges", walletId, after, through);
      return { nanos: chargedNanos };
    },
    async listMovements({ after }: JournalRange) {
      return [movementOf(`pst_${after}`)];
    },
    async listUsageSums(query: UsageSumQuery) {
      note("usage", query.fromMs, query.untilMs);
      assert.deepEqual([query.tenantId, query.walletId, query.anchorDay], ["ten_1", "wal_1", 15]);
      assert.deepEqual([query.after, query.periodStartMs], [4n, startMs]);
      return [...usage(query)];
    },
  } as unknown as StatementStore;
  const deps = {
    db: { transaction: (work: (tx: unknown) => unknown) => work("tx") },
    priceStore: {
      async findPricesById(tx: unknown, priceIds: readonly string[]) {
        note("prices", tx, ...priceIds);
        return priceIds.map(priceOf);
      },
    },
    invoices: {
      async findProfile(tenantId: string) {
        note("profile", tenantId);
        return isKnown ? buyer : undefined;
      },
    },
    ...{ statementStore, seller: { ...nobody, name: "seller" }, anchorDay: 15 },
  } as unknown as StatementDeps;
  return {
    read: (more: Partial<StatementRange> = {}) => readStatement(deps, { ...range, ...more }),
    takeAsked: (name: string) => asked.splice(0).flatMap(([one, ...facts]) => (one === name ? [facts] : [])),
  };
}

test("a statement has the balance before its part of the journal, both parties, and what was posted in it", async () => {
  const { read, takeAsked } = start();
  const statement = await read();
  assert.deepEqual(
    [statement.opening_nanos, statement.seller.name, statement.buyer.name, statement.tenant_id, statement.currency],
    ["1000", "seller", "buyer", "ten_1", "USD"],
  );
  assert.deepEqual(statement.postings, { after: "4", through: "9" });
  assert.deepEqual(
    statement.movements.map((line) => line.posting_id),
    ["pst_4"],
  );
  assert.deepEqual(takeAsked("balance"), [["wal_1", 4n]]);
  assert.deepEqual((await start({ isKnown: false }).read()).buyer, nobody);
});

test("a long part of the journal is read in parts of twenty thousand postings that follow each other without a gap", async () => {
  const { read, takeAsked } = start();
  const parts = async (after: bigint, through: bigint) => {
    const { movements } = await read({ after, through });
    const charges = takeAsked("charges").map(([, from, to]) => [from, to]);
    assert.equal(movements.length, charges.length);
    return charges;
  };
  assert.deepEqual(await parts(5n, 5n), []);
  assert.deepEqual(await parts(5n, 20_005n), [[5n, 20_005n]]);
  assert.deepEqual(await parts(5n, 45_005n), [
    ...[
      [5n, 20_005n],
      [20_005n, 40_005n],
      [40_005n, 45_005n],
    ],
  ]);
  assert.deepEqual(await parts(0n, 20_001n), [
    ...[
      [0n, 20_000n],
      [20_000n, 20_001n],
    ],
  ]);
});

test("where calls cost nothing no usage is read; what several parts charged is one sum", async () => {
  const none = start();
  assert.equal((await none.read()).other_usage_nanos, "0");
  assert.deepEqual(none.takeAsked("usage"), []);
  assert.equal((await start({ chargedNanos: 3n }).read()).other_usage_nanos, "3");
  assert.equal((await start({ chargedNanos: 3n }).read({ through: 30_000n })).other_usage_nanos, "6");
});

test("usage is read by the days on which calls began: forty days back in parts of eight, each day, and a day ahead", async () => {
  const { read, takeAsked } = start({ chargedNanos: 5n });
  await read();
  const days = takeAsked("usage").map(([from, until]) => [from, until].map((ms) => (Number(ms) - startMs) / dayMs));
  assert.deepEqual(days, [
    ...[
      [-40, -32],
      [-32, -24],
      [-24, -16],
      [-16, -8],
      [-8, 0],
    ],
    ...[
      [0, 1],
      [1, 2],
      [2, 3],
    ],
  ]);
  await read({ endMs: startMs + dayMs / 2 });
  const short = takeAsked("usage").map(([from, until]) => [from, until].map((ms) => (Number(ms) - startMs) / dayMs));
  assert.deepEqual(short.slice(5), [
    ...[
      [0, 1],
      [1, 1.5],
    ],
  ]);
});

test("rows of several days that are alike are one line of all that they used; their prices are read once", async () => {
  const other = { reasoning: "5", images: "1" };
  const rows = [
    rowOf({ otherBuckets: other }),
    rowOf({ otherBuckets: { reasoning: "2" }, calls: 2n }),
    rowOf({ inputTokens: 1n, cachedInputTokens: 2n, outputTokens: 3n, estimatedCalls: 0n }),
  ];
  const { read, takeAsked } = start({ chargedNanos: 21n, usage: ({ fromMs }) => rows.splice(0, fromMs < 0 ? 0 : 1) });
  const { usage } = await read();
  assert.equal(usage.length, 1);
  const [line] = usage;
  assert.deepEqual(
    [line?.calls, line?.estimated_calls, line?.charge_nanos, line?.uncollected_nanos],
    ["4", "2", "21", "3"],
  );
  assert.deepEqual(
    line?.buckets.map(({ bucket, quantity }) => [bucket, quantity]),
    [
      ["input", "21"],
      ["cacheRead", "42"],
      ["output", "63"],
      ["reasoning", "7"],
      ["images", "1"],
    ],
  );
  assert.deepEqual(takeAsked("prices"), [["tx", "prc_1"]]);
});

test("rows that differ in anything that decides about their rates are lines of their own, in the order of their names", async () => {
  const others: readonly Partial<UsageSumRow>[] = [
    { provider: "o" },
    { model: "l" },
    { priceId: "prc_0" },
    { aboutPeriod: "2026-09-15" },
    { mode: "batch" },
    { tier: 1 },
    { windows: "0" },
  ];
  const rows = [rowOf(), ...others.map((more) => rowOf(more))];
  const { read, takeAsked } = start({
    chargedNanos: 56n,
    usage: ({ fromMs }) => (fromMs === startMs ? rows : []),
  });
  const { usage, other_usage_nanos } = await read();
  assert.deepEqual([usage.length, other_usage_nanos], [8, "0"]);
  assert.deepEqual(
    usage.map(({ provider, model, price_id }) => `${provider} ${model} ${price_id}`),
    ["o m prc_1", "p l prc_1", "p m prc_0", ...Array.from({ length: 5 }, () => "p m prc_1")],
  );
  assert.deepEqual(takeAsked("prices")[0]?.toSorted(), ["prc_0", "prc_1", "tx"]);
});

test("of two rows of which only one has other buckets those are kept", async () => {
  for (const order of [0, 1]) {
    const both = [rowOf({ otherBuckets: { reasoning: "5" } }), rowOf()];
    const rows = order === 0 ? both : both.toReversed();
    const { read } = start({ chargedNanos: 14n, usage: ({ fromMs }) => (fromMs === startMs ? rows : []) });
    const { usage } = await read();
    assert.equal(usage[0]?.buckets.find(({ bucket }) => bucket === "reasoning")?.quantity, "5");
  }
});

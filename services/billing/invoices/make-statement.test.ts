import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf, type PriceTerms, ratesFor } from "@lyss/contracts/pricing/price.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import type { Price } from "../prices/price.ts";
import { formatTrillionths, formatUnits, parseTrillionths, trillion } from "./exact-nanos.ts";
import { makeStatement, type StatementParts } from "./make-statement.ts";
import { maxMovementLines, maxUsageLines } from "./statement.ts";
import type { MovementRow, UsageSumRow } from "./statement-store.ts";

const nobody = { name: "", address: [], tax_id: "", email: "" };
const kinds = ["top_up", "refund", "charge_back", "something_new"];

const began = { sampleBeganAt: new Date(Date.UTC(2026, 9, 2)), windows: "" };

function priceOf(priceId: string, terms: PriceTerms): Price {
  const names = { priceId, tenantId: "", planId: "", provider: "p", model: "m", version: 1, currency: "USD" };
  const times = { effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true };
  return { ...names, ...times, terms, origin: "operator" };
}

/** Terms with all that a price may have; a tier is either below every call of the test or above all of them. */
function randomTerms(between: (min: number, max: number) => number): PriceTerms {
  const rates = () => ({
    ...{ input: BigInt(between(0, 10 ** 9)), cacheRead: BigInt(between(0, 10 ** 8)) },
    ...{ output: BigInt(between(0, 10 ** 9)), reasoning: BigInt(between(0, 10 ** 9)) },
  });
  return {
    rates: rates(),
    tiers: [{ aboveInputTokens: between(0, 1) ? 0n : 1_000_000n, rates: rates() }],
    modes: { batch: rates() },
    windows: [{ fromMinute: 0, toMinute: between(0, 1) ? 1_440 : 0, rates: { output: 5n } }],
    markupPpm: between(-1_000_000, 1_000_000),
  };
}

/** A period of random money and calls; each call is charged as calls are. */
function randomParts(seed: number, most: { readonly movements: number; readonly lines: number }): StatementParts {
  const { between } = createSeeded(seed);
  const nanos = (limit: number) => BigInt(between(0, limit));
  const movements = Array.from(
    { length: between(0, most.movements) },
    (_, i): MovementRow => ({
      ...{ postingId: `pst_${i}`, kind: kinds[between(0, kinds.length - 1)] ?? "", reference: `wal_1/r${i}`, note: "" },
      ...{ postedAt: new Date(Date.UTC(2026, 9, 2)), amountNanos: nanos(10 ** 12) - 5n * 10n ** 11n + 1n },
      ...{ counterparty: "funding:manual", aboutAt: null },
    }),
  );
  const prices = new Map<string, Price>();
  const usage = Array.from({ length: between(0, most.lines) }, (_, i): UsageSumRow => {
    const price = priceOf(`prc_${i}`, randomTerms(between));
    prices.set(price.priceId, price);
    const mode = between(0, 1) ? ("batch" as const) : null;
    const call = { startedAtMs: began.sampleBeganAt.getTime(), ...(mode && { mode }) };
    const sum = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, paidNanos: 0n, uncollectedNanos: 0n };
    let reasoning = 0n;
    const calls = between(1, 5);
    for (let number = 0; number < calls; number++) {
      const used = { input: 1n + nanos(9_999), cacheRead: nanos(99), output: nanos(999), reasoning: nanos(999) };
      const cost = costOf(price.terms, used, call).costNanos;
      const uncollected = between(0, 9) === 0 ? cost / 2n : 0n;
      sum.inputTokens += used.input;
      sum.cachedInputTokens += used.cacheRead;
      sum.outputTokens += used.output;
      reasoning += used.reasoning;
      sum.paidNanos += cost - uncollected;
      sum.uncollectedNanos += uncollected;
    }
    const otherBuckets = { reasoning: reasoning.toString() };
    const alike = { mode, tier: 0, ...began, sampleInputTokens: 1n, otherBuckets };
    const names = { provider: "p", model: "m", priceId: price.priceId, aboutPeriod: "" };
    return { ...names, ...alike, ...sum, calls: BigInt(calls), estimatedCalls: 0n };
  });
  const itemized = usage.reduce((sum, { paidNanos }) => sum + paidNanos, 0n);
  return {
    ...{ tenantId: "ten_1", walletId: "wal_1", currency: "USD", after: 0n, through: 9n, anchorDay: 1 },
    ...{ startMs: Date.UTC(2026, 9, 1), endMs: Date.UTC(2026, 10, 1), seller: nobody, buyer: nobody },
    ...{ openingNanos: nanos(10 ** 12), movements, usage, prices, chargedNanos: itemized + nanos(100) },
  };
}

test("for random periods the opening balance and all sums are the closing balance, and every line can be worked out again", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const parts = randomParts(seed, { movements: 40, lines: 30 });
    const statement = makeStatement(parts);
    const add = (amounts: readonly string[]) => amounts.reduce((sum, amount) => sum + BigInt(amount), 0n);
    const moved = add(statement.movements.map((line) => line.amount_nanos));
    const charged = add(statement.usage.map((line) => line.charge_nanos)) + BigInt(statement.other_usage_nanos);
    const where = `seed ${seed}`;
    assert.equal(charged, parts.chargedNanos, where);
    assert.equal(BigInt(statement.closing_nanos), parts.openingNanos + moved - charged, where);
    assert.equal(add(statement.sums.map((sum) => sum.amount_nanos)), moved - charged, where);
    for (const line of statement.usage) {
      const buckets = line.buckets.map((bucket) => {
        const exact = (BigInt(bucket.quantity) * BigInt(bucket.nanos_per_million) * trillion) / 1_000_000n;
        assert.equal(parseTrillionths(bucket.exact_nanos), exact, where);
        return exact;
      });
      const rounding = parseTrillionths(line.rounding_nanos);
      assert.ok(rounding >= 0n && rounding < BigInt(line.calls) * trillion, where);
      const terms = parts.prices.get(line.price_id)?.terms;
      const call = { startedAtMs: began.sampleBeganAt.getTime(), ...(line.service_mode && { mode: "batch" as const }) };
      const rates = terms && ratesFor(terms, 1n, call);
      for (const { bucket, nanos_per_million } of line.buckets) {
        assert.equal(BigInt(nanos_per_million), rates?.[bucket], where);
      }
      const added = rounding + parseTrillionths(line.markup_nanos);
      const whole = buckets.reduce((sum, exact) => sum + exact, added);
      assert.equal(whole, (BigInt(line.charge_nanos) + BigInt(line.uncollected_nanos)) * trillion, where);
    }
  }
});

test("more lines than a statement holds are summed up, and nothing is lost", () => {
  const many = randomParts(7, { movements: 0, lines: 0 });
  const movement = randomParts(3, { movements: 40, lines: 0 }).movements[0];
  assert.ok(movement);
  const movements = Array.from({ length: maxMovementLines + 50 }, () => ({ ...movement, amountNanos: 3n }));
  const line = {
    ...{ provider: "p", model: "m", aboutPeriod: "", calls: 1n, estimatedCalls: 0n, uncollectedNanos: 0n },
    ...{ mode: null, tier: 0, ...began, sampleInputTokens: 1n, otherBuckets: null },
  };
  const usage = Array.from({ length: maxUsageLines + 5 }, (_, i) => ({
    ...{ ...line, priceId: `prc_${i}`, inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 0n },
    paidNanos: BigInt(i + 1),
  }));
  const prices = new Map(usage.map(({ priceId }) => [priceId, priceOf(priceId, { rates: {} })]));
  const chargedNanos = usage.reduce((sum, { paidNanos }) => sum + paidNanos, 0n);
  const statement = makeStatement({ ...many, movements, usage, prices, chargedNanos });
  assert.equal(statement.movements.length, maxMovementLines + 1);
  const { count, amount_nanos, posting_id } = statement.movements.at(-1) ?? {};
  assert.deepEqual([count, amount_nanos, posting_id], [50, "150", ""]);
  assert.equal(statement.usage.length, maxUsageLines);
  assert.equal(statement.other_usage_nanos, "15", "the five cheapest: 1 + 2 + 3 + 4 + 5");
});

test("an exact amount is read as it was written", () => {
  for (const amount of [0n, 1n, -1n, trillion, -trillion / 2n, 123_456_789n * trillion + 5n]) {
    assert.equal(parseTrillionths(formatTrillionths(amount)), amount);
  }
  assert.deepEqual([0n, 5n * trillion, -trillion / 2n, 1n].map(formatTrillionths), [
    "0",
    "5",
    "-0.5",
    "0.000000000001",
  ]);
  assert.deepEqual([-1n, 10n ** 21n, 15n * 10n ** 20n].map(formatUnits), ["-0.000000000000000000001", "1", "1.5"]);
});

/** A statement of a few lines, with whatever is different in it. */
function statementOf(more: Partial<StatementParts>) {
  const start = Date.UTC(2026, 9, 1);
  return makeStatement({
    ...{ tenantId: "ten_1", walletId: "wal_1", currency: "USD", after: 4n, through: 9n, anchorDay: 1 },
    ...{
      startMs: start,
      endMs: Date.UTC(2026, 10, 1),
      seller: { ...nobody, name: "s" },
      buyer: { ...nobody, name: "b" },
    },
    ...{ openingNanos: 1_000n, movements: [], usage: [], prices: new Map(), chargedNanos: 0n, ...more },
  });
}

const movementOf = (more: Partial<MovementRow>): MovementRow => ({
  ...{ postingId: "pst_1", kind: "top_up", reference: "r", note: "n", postedAt: new Date(Date.UTC(2026, 9, 2)) },
  ...{ amountNanos: 5n, counterparty: "funding:manual", aboutAt: null, ...more },
});

const usageOf = (more: Partial<UsageSumRow>): UsageSumRow => ({
  ...{
    provider: "p",
    model: "m",
    priceId: "prc_1",
    aboutPeriod: "",
    calls: 2n,
    estimatedCalls: 1n,
    mode: null,
    tier: 0,
  },
  ...{ ...began, sampleInputTokens: 1n, otherBuckets: null, inputTokens: 3n, cachedInputTokens: 0n, outputTokens: 0n },
  ...{ paidNanos: 7n, uncollectedNanos: 0n, ...more },
});

test("a statement names its wallet, its period and its postings, and adds up category by category, calls last", () => {
  const movements = [
    movementOf({ kind: "refund", amountNanos: -3n }),
    movementOf({ counterparty: "funding:grant", amountNanos: 8n }),
    movementOf({ amountNanos: 20n }),
    movementOf({ amountNanos: 30n }),
  ];
  const usage = [usageOf({ calls: 2n }), usageOf({ priceId: "prc_2", calls: 3n })];
  const { movements: lines, usage: _, ...rest } = statementOf({ movements, usage, chargedNanos: 40n });
  assert.deepEqual(rest, {
    ...{ tenant_id: "ten_1", wallet_id: "wal_1", currency: "USD" },
    period: { start: "2026-10-01T00:00:00.000Z", end: "2026-11-01T00:00:00.000Z" },
    postings: { after: "4", through: "9" },
    ...{ seller: { ...nobody, name: "s" }, buyer: { ...nobody, name: "b" }, opening_nanos: "1000" },
    sums: [
      { category: "grant", count: 1, amount_nanos: "8" },
      { category: "refund", count: 1, amount_nanos: "-3" },
      { category: "top_up", count: 2, amount_nanos: "50" },
      { category: "usage", count: 5, amount_nanos: "-40" },
    ],
    closing_nanos: "1015",
    // Of neither price anything is known.
    other_usage_nanos: "40",
  });
  assert.equal(lines.length, 4);
});

test("a movement is told with its category, without the wallet in its reference, and with the earlier period that it is about", () => {
  const lineOf = (more: Partial<MovementRow>) => statementOf({ movements: [movementOf(more)] }).movements[0];
  assert.deepEqual(lineOf({ reference: "wal_1/r7" }), {
    ...{ posted_at: "2026-10-02T00:00:00.000Z", category: "top_up", about_period: null, reference: "r7", note: "n" },
    ...{ posting_id: "pst_1", count: 1, amount_nanos: "5" },
  });
  assert.equal(lineOf({ reference: "wal_2/r7" })?.reference, "wal_2/r7");
  assert.equal(lineOf({ reference: "x wal_1/r7" })?.reference, "x wal_1/r7");
  const about = (timeMs: number) => lineOf({ aboutAt: new Date(timeMs) })?.about_period;
  assert.deepEqual([about(Date.UTC(2026, 9, 1)), about(Date.UTC(2026, 9, 1) - 1)], [null, "2026-09-01"]);
});

test("movements beyond the last line are summed up by category, each with the time of its last", () => {
  const many = Array.from({ length: maxMovementLines }, () => movementOf({}));
  const day = (date: number) => new Date(Date.UTC(2026, 9, date));
  const rest = [
    movementOf({ kind: "refund", amountNanos: -2n, postedAt: day(3) }),
    movementOf({ amountNanos: 10n, postedAt: day(4) }),
    movementOf({ kind: "refund", amountNanos: -5n, postedAt: day(6) }),
  ];
  const summed = (category: string, count: number, amount_nanos: string, date: number) => ({
    ...{ posted_at: day(date).toISOString(), category, about_period: null, reference: "", note: "", posting_id: "" },
    ...{ count, amount_nanos },
  });
  const { movements } = statementOf({ movements: [...many, ...rest] });
  assert.deepEqual(movements.slice(maxMovementLines), [summed("refund", 2, "-7", 6), summed("top_up", 1, "10", 4)]);
  assert.equal(statementOf({ movements: many }).movements.length, maxMovementLines);
});

test("calls have a line where something was paid or could not be; of equal lines too many the first are kept, in their order", () => {
  const prices = new Map([["prc_1", priceOf("prc_1", { rates: {} })]]);
  const linesOf = (usage: readonly UsageSumRow[]) => statementOf({ usage, prices }).usage;
  const nothing = usageOf({ paidNanos: 0n });
  assert.deepEqual(linesOf([nothing, usageOf({ priceId: "prc_x" })]), []);
  assert.equal(linesOf([usageOf({ paidNanos: 0n, uncollectedNanos: 1n })])[0]?.uncollected_nanos, "1");
  const alike = Array.from({ length: maxUsageLines }, (_, i) => usageOf({ model: `m${i}`, paidNanos: 5n }));
  assert.equal(linesOf(alike).length, maxUsageLines);
  const lines = linesOf([
    ...alike,
    usageOf({ model: "dear", paidNanos: 10n }),
    usageOf({ model: "cheap", paidNanos: 4n }),
  ]);
  assert.deepEqual(
    [lines.length, lines[0]?.model, lines.at(-2)?.model, lines.at(-1)?.model],
    [...[maxUsageLines, "m0", `m${maxUsageLines - 2}`, "dear"]],
  );
});

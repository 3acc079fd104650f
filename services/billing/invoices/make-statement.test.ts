import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf, type PriceTerms, ratesFor } from "@lyss/contracts/pricing/price.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import type { Price } from "../prices/price.ts";
import { formatTrillionths, parseTrillionths, trillion } from "./exact-nanos.ts";
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
  for (let seed = 1; seed <= 300; seed++) {
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
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import {
  everyone,
  hasSameTerms,
  isNews,
  type Price,
  type PriceHistory,
  type PriceOrigin,
  termsOf,
  withMarkup,
} from "./price.ts";

const terms: PriceTerms = { rates: { input: 1n, output: 2n } };
const other: PriceTerms = { rates: { input: 1n, output: 3n } };
const priceOf = (origin: PriceOrigin, of: PriceTerms = terms): Price => ({
  ...{ priceId: "prc_1", provider: "p", model: "m", version: 1, currency: "USD", terms: of, origin, ...everyone },
  ...{ effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true },
});
const nothing: PriceHistory = {
  ...{ current: undefined, newestVersion: 0, lastByProvider: undefined, lastByCatalog: undefined, sameTime: undefined },
};
const isNew = (history: Partial<PriceHistory>, origin: PriceOrigin, of = terms, isScheduled = false) =>
  isNews({ ...nothing, ...history }, of, origin, isScheduled);

test("a price is put as terms, or as three rates; it is everyone's where neither tenant nor plan is named", () => {
  const names = { provider: "p", model: "m" };
  assert.equal(termsOf({ ...names, terms }), terms);
  const rates = { inputNanosPerMillion: 3n, cachedInputNanosPerMillion: 2n, outputNanosPerMillion: 4n };
  assert.deepEqual(termsOf({ ...names, ...rates }), { rates: { input: 3n, cacheRead: 2n, output: 4n } });
  assert.deepEqual(everyone, { tenantId: "", planId: "" });
});

test("a plan's mark-up is added to that of the price, takes off no more than all, and leaves terms alone when it is none", () => {
  assert.equal(withMarkup(terms, 0), terms);
  assert.deepEqual(withMarkup(terms, 5), { ...terms, markupPpm: 5 });
  assert.deepEqual(withMarkup({ ...terms, markupPpm: 100 }, -30), { ...terms, markupPpm: 70 });
  assert.deepEqual(withMarkup({ ...terms, markupPpm: -400_000 }, -600_001), { ...terms, markupPpm: -1_000_000 });
  assert.deepEqual(withMarkup({ ...terms, markupPpm: -400_000 }, -599_999), { ...terms, markupPpm: -999_999 });
});

test("terms are the same in whatever order they are written, and differ by any of their parts", () => {
  const tier = (aboveInputTokens: bigint, input: bigint) => ({ aboveInputTokens, rates: { input } });
  const window = { fromMinute: 0, toMinute: 60, rates: { input: 1n, output: 4n } };
  const rich: PriceTerms = { rates: terms.rates, tiers: [tier(1n, 2n), tier(3n, 4n)], windows: [window], markupPpm: 5 };
  const reordered: PriceTerms = {
    ...{ markupPpm: 5, windows: [{ toMinute: 60, rates: { output: 4n, input: 1n }, fromMinute: 0 }] },
    ...{ tiers: [tier(1n, 2n), tier(3n, 4n)], rates: { output: 2n, input: 1n } },
  };
  assert.ok(hasSameTerms(rich, reordered));
  const changes: readonly PriceTerms[] = [
    { ...rich, rates: { input: 1n, output: 3n } },
    { ...rich, rates: { input: 1n } },
    { ...rich, tiers: [tier(3n, 4n), tier(1n, 2n)] },
    { ...rich, windows: [{ ...window, toMinute: 61 }] },
    { ...rich, markupPpm: 6 },
    terms,
  ];
  assert.deepEqual(
    changes.filter((changed) => hasSameTerms(rich, changed)),
    [],
  );
});

test("a provider's configuration is news when it says something else than it said last, whatever stands now", () => {
  assert.ok(isNew({}, "provider"));
  assert.ok(isNew({ current: priceOf("provider") }, "provider"));
  assert.ok(!isNew({ current: priceOf("operator", other), lastByProvider: priceOf("provider") }, "provider"));
  assert.ok(isNew({ lastByProvider: priceOf("provider") }, "provider", other));
});

test("the catalog is news when it says something else than it said last, and only where nobody else has spoken", () => {
  assert.ok(isNew({}, "catalog"));
  assert.ok(isNew({ current: priceOf("catalog"), lastByCatalog: priceOf("catalog") }, "catalog", other));
  assert.ok(!isNew({ current: priceOf("catalog"), lastByCatalog: priceOf("catalog") }, "catalog"));
  assert.ok(!isNew({ lastByCatalog: priceOf("catalog") }, "catalog"));
  for (const origin of ["provider", "operator"] as const)
    assert.ok(!isNew({ current: priceOf(origin) }, "catalog", other));
});

test("what a person says is news unless a person said the same of the same time", () => {
  assert.ok(isNew({}, "operator"));
  assert.ok(isNew({ current: priceOf("catalog") }, "operator"));
  assert.ok(!isNew({ current: priceOf("operator") }, "operator"));
  assert.ok(isNew({ current: priceOf("operator") }, "operator", other));
  assert.ok(isNew({ current: priceOf("operator") }, "operator", terms, true));
  assert.ok(!isNew({ current: priceOf("operator", other), sameTime: priceOf("operator") }, "operator", terms, true));
  assert.ok(isNew({ sameTime: priceOf("operator") }, "operator"));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { costOf } from "@lyss/contracts/pricing/price.ts";
import { createPriceCatalog, priceCatalog } from "./catalog.ts";

const catalog = createPriceCatalog({
  ...{ source: "somewhere", license: "MIT", pricesOf: "2026-11-01" },
  providers: [
    {
      name: "p",
      hosts: ["api.p.com", "eu.p.com"],
      models: [
        { names: ["a", "a-latest"], terms: { rates: { input: "1" } } },
        { names: ["b"], terms: { rates: { input: "2" } } },
      ],
    },
    { name: "q", hosts: ["api.q.com"], models: [{ names: ["a"], terms: { rates: { input: "3" } } }] },
  ],
});

test("a model's price is found by any of its names, of its own provider only", () => {
  const terms = (input: bigint) => ({ rates: { input } });
  assert.deepEqual(
    ["a", "a-latest", "b"].map((model) => catalog.findTerms("p", model)),
    [terms(1n), terms(1n), terms(2n)],
  );
  assert.deepEqual(catalog.findTerms("q", "a"), terms(3n));
  assert.deepEqual(
    [catalog.findTerms("q", "b"), catalog.findTerms("p", "c"), catalog.findTerms("r", "a")],
    [undefined, undefined, undefined],
  );
});

test("a provider is told by its host, whatever the path, and by nothing that only looks like it", () => {
  assert.deepEqual(["https://api.p.com/v1", "https://eu.p.com", "https://api.q.com:8443/x"].map(catalog.providerAt), [
    "p",
    "p",
    "q",
  ]);
  assert.deepEqual(["https://api.p.com.evil.com", "https://p.com", "api.p.com", ""].map(catalog.providerAt), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("a batch at OpenAI costs half of what goes in and comes out, to the nano; what comes from a cache costs what it costs", () => {
  // Dollars per million, by the vendor's list: gpt-4o 2.50 in, 1.25 cached, 10 out; in batches 1.25 in, 5 out.
  const terms = priceCatalog.findTerms("openai", "gpt-4o");
  assert.ok(terms);
  const used = { input: 800n, cacheRead: 200n, output: 90n, reasoning: 10n };
  const at = { startedAtMs: 0 };
  assert.equal(costOf(terms, used, at).costNanos, 3_250_000n);
  assert.equal(costOf(terms, used, { ...at, mode: "batch" }).costNanos, 1_750_000n);
  const tiered = {
    ...{ rates: { input: 2n, output: 4n }, modes: { batch: { input: 1n, output: 2n } } },
    tiers: [{ aboveInputTokens: 9n, rates: { input: 3n }, modes: { batch: { input: 2n } } }],
  };
  const json = { rates: { input: "2", output: "4" }, tiers: [{ aboveInputTokens: "9", rates: { input: "3" } }] };
  const others = createPriceCatalog({
    ...{ source: "somewhere", license: "MIT", pricesOf: "2026-11-01" },
    providers: [
      {
        name: "openai",
        hosts: [],
        models: [
          { names: ["long"], terms: json },
          { names: ["odd"], terms: { rates: { input: "3" } } },
        ],
      },
      { name: "nobody", hosts: [], models: [{ names: ["m"], terms: { rates: { input: "2" } } }] },
    ],
  });
  assert.deepEqual(others.findTerms("openai", "long"), tiered, "each tier has a half of its own");
  assert.deepEqual(others.findTerms("openai", "odd"), { rates: { input: 3n }, modes: { batch: { input: 2n } } });
  assert.deepEqual(others.findTerms("nobody", "m"), { rates: { input: 2n } });
});

test("it says what it is, and lists each model once, under its first name", () => {
  const { source, pricesOf, providers } = catalog;
  assert.deepEqual([source, pricesOf, providers], ["somewhere, MIT", "2026-11-01", ["p", "q"]]);
  assert.deepEqual(
    [catalog.listModels("p"), catalog.listModels("q"), catalog.listModels("r")],
    [["a", "b"], ["a"], []],
  );
});

test("each model of the catalog that comes with Lyss has a price for what goes in and what comes out, or for something else", () => {
  let models = 0;
  for (const provider of priceCatalog.providers) {
    for (const model of priceCatalog.listModels(provider)) {
      const rates = Object.values(priceCatalog.findTerms(provider, model)?.rates ?? {});
      assert.ok(rates.length > 0, `${provider} ${model}`);
      models++;
    }
  }
  assert.ok(models > 100, String(models));
});

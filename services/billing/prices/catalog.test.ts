import assert from "node:assert/strict";
import { test } from "node:test";
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

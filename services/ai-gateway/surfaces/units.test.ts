import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequest } from "../call/read-request.ts";
import { pricesUnits } from "../funds/priced-units.ts";
import { readUsageOf } from "./read-units.ts";

const toBytes = (json: object) => Buffer.from(JSON.stringify(json));

test("W31: a search is held for with all parts that its documents may count as, and charged as the provider counts them", () => {
  const read = (documents: readonly unknown[]) =>
    readRequest("rerank", toBytes({ model: "m", query: "q".repeat(50), documents }));
  assert.deepEqual(read(["a", { text: "b" }]).units, { most: { requests: 1n }, likely: { requests: 1n } });
  assert.equal(read(Array.from({ length: 101 }, () => "a")).units?.most.requests, 2n);
  // 100 documents of 950 bytes are 1,000 with their query: four parts each at most, one in likelihood.
  const long = read(Array.from({ length: 100 }, () => "x".repeat(950)));
  assert.deepEqual(long.units, { most: { requests: 4n }, likely: { requests: 1n } });

  const usage = (json: unknown) => readUsageOf(long, json);
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  assert.deepEqual(usage({ meta: { billed_units: { search_units: 3 } } }), { ...none, otherBuckets: { requests: 3n } });
  const jina = { ...none, inputTokens: 815n, otherBuckets: { requests: 1n } };
  assert.deepEqual(usage({ usage: { total_tokens: 815 } }), jina);
  assert.equal(usage({ results: [] }), undefined);
  assert.equal(usage({ meta: { billed_units: { search_units: -1 } } }), undefined);
});

test("a price that says nothing of what a call is charged by is none", () => {
  const requests = { requests: 1n };
  assert.equal(pricesUnits({ rates: { input: 0n, output: 0n } }, requests), false);
  assert.equal(pricesUnits({ rates: { input: 0n, requests: 0n } }, requests), true);
  assert.equal(pricesUnits({ rates: { input: 1n } }, requests), true);
  assert.equal(pricesUnits({ rates: { input: 1n } }, { images: 1n }), false);
  assert.equal(pricesUnits({ rates: { input: 1n } }, undefined), true);
});

test("what is not as it must be is refused by the field's name", () => {
  const refusal = (surface: "moderations" | "rerank", json: object) => {
    try {
      readRequest(surface, toBytes({ model: "m", ...json }));
    } catch (err) {
      return (err as { details: { param: string } }).details.param;
    }
    return undefined;
  };
  assert.equal(refusal("moderations", {}), "input");
  assert.equal(refusal("moderations", { input: [] }), "input");
  assert.equal(refusal("rerank", { documents: ["a"] }), "query");
  for (const documents of [undefined, [], "a", [1], Array.from({ length: 10_001 }, () => "a")]) {
    assert.equal(refusal("rerank", { query: "q", documents }), "documents");
  }
  assert.equal(refusal("rerank", { query: "q", documents: ["a"] }), undefined);
});

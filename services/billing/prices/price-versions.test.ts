import assert from "node:assert/strict";
import { test } from "node:test";
import { everyone, type Price } from "./price.ts";
import type { PriceStore } from "./price-store.ts";
import { createPriceVersions } from "./price-versions.ts";

const tx = "tx" as never;
const priceOf = (priceId: string): Price => ({
  ...{ priceId, provider: "p", model: "m", version: 1, currency: "USD", terms: { rates: {} }, origin: "operator" },
  ...{ ...everyone, effectiveAt: new Date(0), createdAt: new Date(0), isInForce: true },
});

/** Versions of a store that knows every id that begins with `prc`. */
function start() {
  const asked: (readonly string[])[] = [];
  const store: Pick<PriceStore, "findPricesById"> = {
    async findPricesById(given, priceIds) {
      assert.equal(given, tx);
      asked.push(priceIds);
      return priceIds.filter((id) => id.startsWith("prc")).map(priceOf);
    },
  };
  return { versions: createPriceVersions(store), asked };
}

test("a version is read once, and known at once from then on; only what is missing is asked for, each once", async () => {
  const { versions, asked } = start();
  const first = await versions.find(tx, ["prc_1", "prc_2", "prc_1"]);
  assert.deepEqual([first.get("prc_1"), first.get("prc_2")], [priceOf("prc_1"), priceOf("prc_2")]);
  const again = versions.find(tx, ["prc_2"]);
  assert.ok(!(again instanceof Promise));
  assert.equal(again.get("prc_2"), first.get("prc_2"));
  await versions.find(tx, ["prc_2", "prc_3"]);
  assert.deepEqual(asked, [["prc_1", "prc_2"], ["prc_3"]]);
  assert.ok(!(versions.find(tx, []) instanceof Promise));
});

test("a version that does not exist is left out, and looked for again", async () => {
  const { versions, asked } = start();
  for (let time = 0; time < 2; time++) assert.ok(!(await versions.find(tx, ["none"])).has("none"));
  assert.equal(asked.length, 2);
});

test("a hundred thousand versions are kept; with more, all are forgotten, and whoever asked still has what it asked for", async () => {
  const { versions, asked } = start();
  const many = Array.from({ length: 99_999 }, (_, i) => `prc_${i}`);
  await versions.find(tx, many);
  await versions.find(tx, ["prc_last"]);
  assert.ok(!(versions.find(tx, ["prc_0", "prc_last"]) instanceof Promise));
  const all = await versions.find(tx, ["prc_0", "prc_more"]);
  assert.deepEqual([all.get("prc_0"), all.get("prc_more")], [priceOf("prc_0"), priceOf("prc_more")]);
  assert.ok(versions.find(tx, ["prc_0"]) instanceof Promise);
  assert.ok(versions.find(tx, ["prc_more"]) instanceof Promise);
  assert.equal(asked.length, 5);
});

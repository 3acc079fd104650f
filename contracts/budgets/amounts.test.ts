import assert from "node:assert/strict";
import { test } from "node:test";
import { eachUnit, isNothing, ofMoney, spentAmounts } from "./amounts.ts";

test("money alone is no tokens and no calls; nothing is nothing of all", () => {
  assert.deepEqual(ofMoney(5n), { money: 5n, tokens: 0n, calls: 0n });
  assert.ok(isNothing(ofMoney(0n)));
  for (const unit of ["money", "tokens", "calls"]) assert.ok(!isNothing({ ...ofMoney(0n), [unit]: 1n }), unit);
});

test("each unit is given what is said of it", () => {
  const given = { money: 1n, tokens: 2n, calls: 3n };
  assert.deepEqual(
    eachUnit((unit) => given[unit]),
    given,
  );
});

test("a call takes what was paid, all tokens in and out of any kind, and one call if it counts", () => {
  const tokens = { inputTokens: 5n, cachedInputTokens: 30n, outputTokens: 200n, otherBuckets: { reasoning: 1_000n } };
  assert.deepEqual(spentAmounts(tokens, 7n, true), { money: 7n, tokens: 1_235n, calls: 1n });
  assert.deepEqual(spentAmounts(tokens, 7n, false), { money: 7n, tokens: 1_235n, calls: 0n });
});

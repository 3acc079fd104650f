import assert from "node:assert/strict";
import { test } from "node:test";
import { payRuleIds, payRuleOf } from "./who-pays.ts";

const outcomes = ["completed", "failed", "truncated", "lost", "cached"] as const;

test("each ending is charged by the rule of its name; of a caller who left it is told whether anything was charged", () => {
  for (const outcome of outcomes) {
    for (const costNanos of [0n, 5n]) assert.equal(payRuleOf({ outcome, costNanos }).id, outcome);
  }
  const left = (costNanos: bigint) => payRuleOf({ outcome: "canceled", costNanos });
  assert.deepEqual([left(1n).id, left(0n).id], ["canceled-delivered", "canceled-nothing"]);
});

test("every rule is listed, and says in both languages what is charged", () => {
  const rules = [
    ...outcomes.map((outcome) => payRuleOf({ outcome, costNanos: 0n })),
    ...[0n, 1n].map((costNanos) => payRuleOf({ outcome: "canceled", costNanos })),
  ];
  assert.deepEqual(rules.map(({ id }) => id).sort(), payRuleIds.toSorted());
  for (const { id, text } of rules) {
    assert.match(text.en_US, /charged/, id);
    assert.match(text.zh_CN, /收费/, id);
  }
});

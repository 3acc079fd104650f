import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BatchResults } from "@lyss/services/billing/batch.ts";
import type { RaiseRequest } from "@lyss/services/billing/raise-hold.ts";
import { budgetOf, callOf, endOf, start, tx } from "./memory-batch.ts";

const raiseOf = (callId: string, more: Partial<RaiseRequest> = {}): RaiseRequest => ({
  ...{ callId, tenantId: "ten_1", inputTokens: 10n, maxOutputTokens: 65n, minOutputTokens: 46n, choices: 1n, ...more },
});
const told = ({ raised }: BatchResults) =>
  raised.map((result) => (result instanceof Failure ? result.type.code : [result.amountNanos, result.outputTokens]));

test("a call under way gets more at its own price, in its hold and its wallet; a repeat is told the same", async () => {
  const { apply, moneyOf, putPrice, tables, takeSent } = await start(500n);
  await apply({ reserves: [callOf("c1"), callOf("c2")] });
  await putPrice({ priceId: "prc_2", version: 2, terms: { rates: { input: 9_000_000n } } });
  assert.deepEqual(told(await apply({ raises: [raiseOf("c1"), raiseOf("c1")] })), [
    [140n, 65n],
    [140n, 65n],
  ]);
  assert.deepEqual(takeSent(), ["lockWallets", "findHolds", "findPricesById", "write", "changeHolds", "writeBook"]);
  assert.deepEqual(moneyOf(), [500n, 240n]);
  const held = () =>
    tables.rows.holds().map(({ callId, amountNanos, outputTokens }) => [callId, amountNanos, outputTokens]);
  assert.deepEqual(held(), [
    ["c1", 140n, 65n],
    ["c2", 100n, 45n],
  ]);
  assert.deepEqual(told(await apply({ raises: [raiseOf("c1")] })), [[140n, 65n]]);
  assert.deepEqual(
    [takeSent(), moneyOf()],
    [
      ["lockWallets", "findHolds", "writeBook"],
      [500n, 240n],
    ],
  );
  await apply({ settles: [endOf("c1", { outputTokens: 60n })] });
  assert.deepEqual(moneyOf(), [370n, 100n]);
});

test("more is had of what settles in the same batch, before new calls", async () => {
  const { apply, moneyOf } = await start(200n);
  await apply({ reserves: [callOf("c1"), callOf("c2")] });
  const results = await apply({
    settles: [endOf("c2", { inputTokens: 0n, outputTokens: 0n })],
    raises: [raiseOf("c1", { maxOutputTokens: 95n })],
    reserves: [callOf("c3")],
  });
  assert.deepEqual([told(results), results.reserved[0]?.kind, moneyOf()], [[[200n, 95n]], "wait", [200n, 200n]]);
});

test("where there is no more, for a call that holds nothing, or another tenant's, nothing changes", async () => {
  const { apply, moneyOf, tables } = await start(100n);
  await apply({ reserves: [callOf("c1")] });
  const raises = [
    raiseOf("c1"),
    raiseOf("c9"),
    raiseOf("c1", { tenantId: "ten_2" }),
    raiseOf("c1", { tenantId: "ten_x" }),
  ];
  const gone = "billing.hold_not_found";
  assert.deepEqual(told(await apply({ raises })), ["billing.insufficient_balance", gone, gone, gone]);
  assert.deepEqual(moneyOf(), [100n, 100n]);
  const [hold] = tables.rows.holds();
  assert.ok(hold);
  await tables.store.insertHolds(tx, [{ ...hold, priceId: "prc_x" }], 60_000);
  const { raised } = await apply({ raises: [raiseOf("c1")] });
  const [failure] = raised;
  assert.ok(failure instanceof Failure);
  assert.deepEqual([failure.type.code, failure.details["priceId"]], ["billing.price_unknown", "prc_x"]);
});

test("more is set aside in the budgets in which the call holds something, as far as they allow it", async () => {
  const window = { startsAt: new Date(0), endsAt: null };
  const hold = { holderId: "c1", budgetId: "bud_1", windowStartsAt: window.startsAt, amount: 100n };
  const { apply, books, moneyOf, opened } = await start(500n, {
    ...{ budgets: [budgetOf({ limit: 160n, reserved: 130n })], holds: [hold] },
  });
  await apply({ reserves: [callOf("c1", { tenantId: "ten_2" })] });
  assert.deepEqual(told(await apply({ raises: [raiseOf("c1", { tenantId: "ten_2" })] })), [[130n, 60n]]);
  assert.deepEqual(
    books[1]?.changes.listChangedHolds().map(({ amount }) => amount),
    [130n],
  );
  assert.deepEqual(
    [moneyOf("ten_2"), opened[1]],
    [[1_000n, 130n], { budgetedTenantIds: ["ten_2"], calls: [], holderIds: ["c1"] }],
  );
});

test("a batch has one result for each request, and none beyond", async () => {
  const { apply } = await start(1_000n);
  const { freedBudgetIds, ...results } = await apply({ reserves: [callOf("c1")] });
  const counts = Object.entries(results).map(([kind, { length }]) => [kind, length]);
  assert.deepEqual(Object.fromEntries(counts), { reserved: 1, raised: 0, settled: 0, changed: 0 });
  assert.equal(freedBudgetIds.size, 0);
});

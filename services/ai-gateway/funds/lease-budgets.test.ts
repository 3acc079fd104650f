import assert from "node:assert/strict";
import { test } from "node:test";
import { settleDraw } from "./lease-book.ts";
import { finish, grantOf, pathOf, quiet, returnOf, start } from "./lease-test-world.ts";

test("calls of one path share a lease, those of another have their own; what budgets count is drawn and settled with the money", async () => {
  const { keeper, shares, takeAsked } = start();
  Object.assign(shares, { budgetIds: ["bud_1"], grantedTokens: 40n, grantedCalls: 3n });
  const need = { money: 100n, tokens: 20n, calls: 1n };
  const drawn = await keeper.draw(pathOf("t", "key_1"), need);
  assert.deepEqual(takeAsked(), [
    grantOf(150n, 100n, { keyId: "key_1", wantTokens: 30n, leastTokens: 20n, wantCalls: 2n, leastCalls: 1n }),
  ]);
  assert.deepEqual([drawn?.lease.tokens?.free, drawn?.lease.calls?.free, drawn?.lease.budgetIds], [20n, 2n, ["bud_1"]]);
  shares.grantedTokens = 5n;
  const other = await keeper.draw(pathOf("t", "key_2"), need);
  assert.equal(other, undefined, "the money is there, the tokens are not");
  assert.ok(drawn);
  settleDraw(drawn, { money: 30n, tokens: 4n, calls: 0n });
  assert.deepEqual([drawn.lease.money.free, drawn.lease.tokens?.free, drawn.lease.calls?.free], [120n, 36n, 3n]);
});

test("a budget that is recalled has its shares back, and calls that must fit into it get no lease for two seconds", async () => {
  const { keeper, clock, shares, takeAsked } = start();
  Object.assign(shares, { budgetIds: ["bud_1"], grantedCalls: 9n });
  const need = { money: 100n, tokens: 0n, calls: 1n };
  const [one, two] = [pathOf("t", "key_1"), pathOf("t", "key_2")];
  await keeper.draw(one, need);
  shares.budgetIds = ["bud_2"];
  await keeper.draw(two, need);
  takeAsked();
  keeper.recall("u", "bud_1");
  keeper.recall("t", "bud_1");
  await quiet();
  assert.deepEqual(takeAsked(), [returnOf(50n, { amountCalls: 8n })]);
  assert.equal(keeper.draw(one, need), undefined);
  keeper.recall("t", "bud_3");
  assert.ok(keeper.draw(two, { ...need, money: 10n }), "another budget's calls go on");
  assert.ok(await keeper.draw(pathOf("t", "key_3"), need), "and so do those that have no lease yet");
  clock.advance(2_000);
  assert.ok(await keeper.draw(one, need));
});

test("a lease is over when the first of its budgets begins anew, however often it is extended", async () => {
  const { keeper, clock, shares, draw, leaseIds } = start();
  Object.assign(shares, { budgetIds: ["bud_1"], grantedCalls: 99n, endsInMs: 10_000n });
  const { lease } = await draw(100n);
  assert.equal(lease.validUntilMs, 8_000);
  clock.advance(5_000);
  await keeper.extend();
  assert.equal(lease.validUntilMs, 8_000);
  clock.advance(3_000);
  delete shares.endsInMs;
  await draw(10n);
  assert.equal(leaseIds.length, 2);
});

test("when a tenant's budgets have changed its calls draw from new leases, and what is left of the old goes back", async () => {
  const { keeper, draw, kept, leaseIds, takeAsked } = start();
  const first = await draw(100n, "t");
  await draw(100n, "u");
  takeAsked();
  keeper.renew("t");
  await quiet();
  assert.deepEqual(takeAsked(), [returnOf(50n)]);
  const second = await draw(100n, "t");
  assert.notEqual(second.lease, first.lease);
  takeAsked();
  await keeper.extend();
  assert.deepEqual(takeAsked(), [{ extended: 3 }], "from the old one a call still draws");
  finish(first, 40n);
  await keeper.assess();
  assert.deepEqual(takeAsked(), [returnOf(60n, { changeNumber: 3 })]);
  await keeper.assess();
  assert.equal(kept.size, 2);
  keeper.renewAll();
  await draw(1n, "t");
  await draw(1n, "u");
  assert.equal(leaseIds.length, 5);
});

test("a grant of calls without money is a grant: its path is not scarce for it", async () => {
  const { keeper, shares, answers, takeAsked } = start();
  Object.assign(shares, { budgetIds: ["bud_1"], grantedCalls: 4n });
  const path = pathOf("t", "key_1");
  answers.push(10_000n);
  const draw = () => keeper.draw(path, { money: 10n, tokens: 0n, calls: 1n });
  for (let n = 0; n < 3; n++) assert.ok(await draw());
  takeAsked();
  answers.push(0n);
  assert.ok(await draw());
  await quiet();
  const more = { tenantId: "t", keyId: "key_1", lease: 0 };
  assert.deepEqual(takeAsked(), [{ ...more, changeNumber: 2, wantCalls: 2n }]);
  for (let n = 0; n < 4; n++) assert.ok(await draw());
  await quiet();
  assert.deepEqual(takeAsked(), [{ ...more, changeNumber: 3, wantCalls: 2n }], "and so is the next one");
});

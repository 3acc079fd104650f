import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ofMoney } from "@lyss/contracts/budgets/amounts.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { settleDraw } from "./lease-book.ts";
import { away, finish, freed, grantOf, other, quiet, returnOf, start, t, u, validMs } from "./lease-test-world.ts";

test("the first call opens a lease for half more than it needs, at least what it needs, and draws from it", async () => {
  const { keeper, clock, kept, takeAsked } = start();
  clock.advance(100);
  const drawing = keeper.draw(t, ofMoney(100n));
  assert.ok(drawing instanceof Promise);
  const drawn = await drawing;
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n)]);
  assert.deepEqual([drawn?.amounts.money, drawn?.lease.money.free, drawn?.lease.money.out], [100n, 50n, 100n]);
  assert.deepEqual([drawn?.lease.changeNumber, drawn?.lease.validUntilMs], [1, 100 + validMs]);
  assert.equal(keeper.freeNanos, 50n);
  assert.equal(kept.size, 1, "written down, for whoever takes up what this process leaves");
});

test("nothing is asked for a lease before it is on disk: whoever dies in between would leave its money to nobody", async () => {
  const { asked, writes, draw } = start();
  const { promise, resolve } = Promise.withResolvers<void>();
  writes.push(promise);
  const drawing = draw(100n);
  await quiet();
  assert.deepEqual(asked, []);
  resolve();
  await drawing;
  assert.equal(asked.length, 1);
});

test("a lease that cannot be written down is not asked for, and the next call tries anew", async () => {
  const { keeper, asked, writes, kept, draw } = start();
  writes.push(Promise.reject(new Error("the disk is full")));
  const drawing = Promise.resolve(keeper.draw(t, ofMoney(100n)));
  await assert.rejects(drawing, (err: Error) => {
    assert.match(String(err.cause), /the disk is full/);
    return isFailure(err, aiGatewayFailures.cannot_record);
  });
  assert.deepEqual([asked, kept.size], [[], 0]);
  await draw(100n);
  assert.deepEqual([asked.length, kept.size], [1, 1]);
});

test("a lease that nobody asks for may fail to be written down without a word", async () => {
  const { keeper, writes } = start();
  await keeper.close();
  writes.push(Promise.reject(new Error("the disk is full")));
  assert.equal(keeper.draw(t, ofMoney(1n)), undefined);
  await quiet();
});

test("a call that the lease has money for draws at once, and asks for nothing while there is plenty", async () => {
  const { keeper, answers, draw, takeAsked } = start();
  answers.push(1_000n);
  await draw(100n);
  takeAsked();
  const drawn = keeper.draw(t, ofMoney(100n));
  assert.ok(drawn && !(drawn instanceof Promise));
  assert.deepEqual(takeAsked(), []);
});

test("a lease that runs low is filled up in the background, once", async () => {
  const { keeper, answers, draw, takeAsked } = start();
  answers.push(500n);
  await draw(400n);
  takeAsked();
  // A quarter of what it is to last for: half more than the 400 that were out, and the one that is out now.
  assert.ok(keeper.draw(t, ofMoney(1n)));
  assert.deepEqual(takeAsked(), [grantOf(401n + 200n - 500n, undefined, { changeNumber: 2 })]);
  assert.ok(keeper.draw(t, ofMoney(1n)));
  await quiet();
  assert.deepEqual(takeAsked(), []);
});

test("calls that wait for a change share the next one, for all of them, and of use to the smallest", async () => {
  for (const needs of [
    [60n, 80n],
    [80n, 60n],
  ]) {
    const { keeper, takeAsked } = start();
    const drawn = await Promise.all([100n, ...needs].map((need) => keeper.draw(t, ofMoney(need))));
    assert.deepEqual(
      drawn.map((one) => one?.amounts.money),
      [100n, ...needs],
    );
    assert.deepEqual(takeAsked(), [grantOf(150n, 100n), grantOf(210n, 10n, { changeNumber: 2 })]);
  }
});

test("that billing cannot be told of a lease, or asked for more, is said with the tenant, and calls go on", async () => {
  const { keeper, answers, draw, takeWarned, leaseIds } = start();
  answers.push(500n, away(), away());
  await draw(100n);
  assert.match(leaseIds.join(), /^lse_/);
  await keeper.recall("t");
  assert.deepEqual(takeWarned(), ["warn t billing could not be told of a lease: billing is away"]);
  const other = start();
  other.answers.push(130n, away());
  await other.draw(100n);
  await other.draw(10n);
  await quiet();
  assert.deepEqual(other.takeWarned(), ["warn t a lease could not be refilled: billing is away"]);
});

test("what is free counts towards the least that a grant must bring", async () => {
  const { keeper, answers, draw, takeAsked } = start();
  answers.push(130n);
  await draw(100n);
  takeAsked();
  await keeper.draw(t, ofMoney(70n));
  assert.deepEqual(takeAsked(), [grantOf(105n, 40n, { changeNumber: 2 })]);
});

test("where money is too scarce for a lease a call is told so, and for two seconds nothing is asked", async () => {
  const { keeper, clock, answers, takeAsked } = start();
  answers.push(0n);
  assert.equal(await keeper.draw(t, ofMoney(100n)), undefined);
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n)]);
  clock.advance(1_999);
  assert.equal(keeper.draw(t, ofMoney(100n)), undefined);
  assert.deepEqual(takeAsked(), []);
  clock.advance(1);
  assert.ok(await keeper.draw(t, ofMoney(100n)));
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n, { changeNumber: 2 })]);
});

test("a grant that is not enough for a call is followed by another one, and then the call is told", async () => {
  const { keeper, answers, takeAsked } = start();
  answers.push(10n, 20n);
  assert.equal(await keeper.draw(t, ofMoney(100n)), undefined);
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n), grantOf(150n, 90n, { changeNumber: 2 })]);
  answers.push(30n, 40n);
  assert.ok(await keeper.draw(t, ofMoney(100n)));
});

test("a change whose answer was lost is sent again as it was, before anything else", async () => {
  const { keeper, answers, takeAsked } = start();
  answers.push(away());
  await assert.rejects(async () => keeper.draw(t, ofMoney(100n)), /away/);
  answers.push(120n);
  const drawn = await keeper.draw(t, ofMoney(10n));
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n), grantOf(150n, 100n)]);
  assert.deepEqual([drawn?.lease.money.free, drawn?.lease.changeNumber], [110n, 1]);
});

test("a return whose answer was lost is sent again, and leaves the lease once", async () => {
  const { keeper, clock, answers, draw, kept, takeAsked } = start();
  answers.push(500n);
  finish(await draw(100n), 0n);
  clock.advance(5_000);
  takeAsked();
  answers.push(away());
  await keeper.assess();
  assert.deepEqual([keeper.freeNanos, takeAsked()], [0n, [returnOf(500n)]]);
  await keeper.assess();
  assert.equal(kept.size, 1, "billing may hold money for it still");
  const drawn = await draw(10n);
  assert.deepEqual(takeAsked(), [returnOf(500n), grantOf(84n, 10n, { changeNumber: 3 })]);
  assert.equal(drawn.lease.money.free, 74n);
});

test("a lease that billing has freed is not drawn from again: the next call opens a new one", async () => {
  const { keeper, answers, draw, kept, leaseIds, takeAsked } = start();
  const drawn = await draw(100n);
  takeAsked();
  answers.push(freed());
  assert.equal(await keeper.draw(t, ofMoney(200n)), undefined);
  assert.deepEqual([drawn.lease.money.free, keeper.freeNanos, kept.size], [0n, 0n, 0]);
  assert.ok(await keeper.draw(t, ofMoney(100n)));
  assert.deepEqual([leaseIds.length, kept.size], [2, 1]);
  assert.deepEqual(takeAsked().at(-1), grantOf(150n, 100n, { lease: 1 }));
});

test("a lease whose time is over is replaced, and what is left of it goes back", async () => {
  const { keeper, clock, answers, draw, kept, takeAsked } = start();
  answers.push(500n);
  const first = await draw(100n);
  clock.advance(validMs - 1);
  assert.ok(keeper.draw(t, ofMoney(10n)), "up to its last moment");
  clock.advance(1);
  takeAsked();
  const second = await draw(100n);
  assert.notEqual(second.lease, first.lease);
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n, { lease: 1 })]);
  await keeper.assess();
  assert.deepEqual(takeAsked(), [returnOf(390n)]);
  assert.equal(kept.size, 2, "calls are still under way");
  finish(first, 0n);
  await keeper.assess();
  assert.deepEqual(takeAsked(), [returnOf(100n, { changeNumber: 3 })]);
  first.lease.money.out = 0n;
  await keeper.assess();
  assert.deepEqual([takeAsked(), kept.size], [[], 1]);
});

test("money that is recalled goes back at once as far as it is free, and none is taken for two seconds", async () => {
  const { keeper, clock, answers, draw, takeAsked } = start();
  answers.push(500n);
  await draw(100n);
  takeAsked();
  await draw(100n, "u");
  takeAsked();
  keeper.recall("t");
  keeper.recall("other");
  await quiet();
  assert.deepEqual(takeAsked(), [returnOf(400n)]);
  assert.equal(keeper.draw(t, ofMoney(10n)), undefined);
  assert.equal(keeper.draw(other, ofMoney(10n)), undefined);
  clock.advance(2_000);
  assert.ok(await keeper.draw(t, ofMoney(10n)));
});

test("a low lease is not filled up while its money is recalled", async () => {
  const { keeper, answers, draw, takeAsked } = start();
  answers.push(500n, away());
  await draw(100n);
  keeper.recall("t");
  await quiet();
  takeAsked();
  assert.ok(keeper.draw(t, ofMoney(0n)));
  assert.deepEqual(takeAsked(), []);
});

test("everybody's money is recalled at once", async () => {
  const { keeper, draw, takeAsked } = start();
  await draw(100n, "t");
  await draw(200n, "u");
  takeAsked();
  keeper.recallAll();
  await quiet();
  assert.deepEqual(takeAsked(), [returnOf(50n), returnOf(100n, { tenantId: "u", lease: 1 })]);
});

test("an idle lease goes back whole and is forgotten; of a used one goes back what is far beyond its use", async () => {
  const { keeper, clock, answers, draw, kept, takeAsked } = start();
  answers.push(1_000n, 1_000n);
  finish(await draw(100n, "t"), 0n);
  await draw(100n, "u");
  clock.advance(1_000);
  takeAsked();
  await keeper.assess();
  // The peak of the first has fallen by a quarter, to 75 and so to a target of 112; the second's is 150.
  const beyond = [returnOf(776n), returnOf(700n, { tenantId: "u", lease: 1 })];
  assert.deepEqual(takeAsked(), beyond);
  clock.advance(4_000);
  await keeper.assess();
  assert.deepEqual(takeAsked(), [
    ...[returnOf(224n, { changeNumber: 3 }), returnOf(200n, { tenantId: "u", lease: 1, changeNumber: 3 })],
  ]);
  assert.equal(kept.size, 2);
  await keeper.assess();
  assert.deepEqual([takeAsked(), kept.size], [[], 1], "the second's call is still under way");
});

test("what a call costs in a second is counted by the time between two looks", async () => {
  const { keeper, clock, answers, draw } = start();
  answers.push(10_000n);
  const drawn = await draw(4_000n);
  settleDraw(drawn, ofMoney(4_000n));
  clock.advance(2_000);
  await keeper.assess();
  assert.equal(drawn.lease.money.rate, 500n);
  clock.advance(1_000);
  await keeper.assess();
  assert.equal(drawn.lease.money.rate, 375n);
  settleDraw(await draw(1_000n), ofMoney(1_000n));
  clock.advance(1_000);
  await keeper.assess();
  assert.equal(drawn.lease.money.rate, 531n);
});

test("a heart-beat carries every lease that billing knows, and those that are no more are let go", async () => {
  const { keeper, clock, gone, draw, kept, takeAsked } = start();
  await keeper.extend();
  assert.deepEqual(takeAsked(), [], "there is none");
  const [first, second] = [await draw(100n, "t"), await draw(100n, "u")];
  clock.advance(5_000);
  takeAsked();
  gone.add(first.lease.leaseId);
  await keeper.extend();
  assert.deepEqual(takeAsked(), [{ extended: 2 }]);
  assert.deepEqual([first.lease.money.free, first.lease.validUntilMs], [0n, validMs]);
  assert.deepEqual([second.lease.money.free, second.lease.validUntilMs], [50n, 5_000 + validMs]);
  assert.equal(kept.size, 1);
  assert.equal(keeper.freeNanos, 50n);
});

test("a lease that is still asked for is not extended", async () => {
  const { keeper, answers, takeAsked } = start();
  const { promise, resolve } = Promise.withResolvers<bigint>();
  answers.push(promise);
  const drawing = keeper.draw(t, ofMoney(100n));
  await setImmediate();
  takeAsked();
  await keeper.extend();
  assert.deepEqual(takeAsked(), []);
  resolve(150n);
  assert.ok(await drawing);
});

test("more than a thousand leases are extended in parts", async () => {
  const { keeper, draw, takeAsked } = start();
  await Promise.all(Array.from({ length: 1_001 }, (_, i) => draw(1n, `t${i}`)));
  takeAsked();
  await keeper.extend();
  assert.deepEqual(takeAsked(), [{ extended: 1_000 }, { extended: 1 }]);
});

test("a call that comes while money goes back waits for that, and asks anew", async () => {
  const { keeper, clock, answers, draw, takeAsked } = start();
  answers.push(500n);
  finish(await draw(100n), 0n);
  clock.advance(5_000);
  takeAsked();
  const returning = keeper.assess();
  const drawing = keeper.draw(t, ofMoney(100n));
  await returning;
  assert.ok(await drawing);
  assert.deepEqual(takeAsked(), [returnOf(500n), grantOf(150n, 100n, { changeNumber: 3 })]);
});

test("a call that comes while a grant is under way that is enough for it, too, asks for nothing", async () => {
  const { keeper, answers, takeAsked } = start();
  answers.push(300n);
  const first = keeper.draw(t, ofMoney(100n));
  await setImmediate();
  const second = keeper.draw(t, ofMoney(100n));
  assert.ok((await first) && (await second));
  await setImmediate();
  assert.deepEqual(takeAsked(), [grantOf(150n, 100n)]);
});

test("what goes back is no more than what is still free when its turn comes", async () => {
  const { keeper, clock, answers, draw, takeAsked } = start();
  const { promise, resolve } = Promise.withResolvers<bigint>();
  answers.push(1_000n, promise);
  await draw(100n);
  takeAsked();
  const first = keeper.assess();
  clock.advance(5_000);
  const second = keeper.assess();
  assert.ok(keeper.draw(t, ofMoney(150n)), "of the 200 that are still free");
  resolve(0n);
  await Promise.all([first, second]);
  assert.deepEqual(takeAsked(), [returnOf(700n), returnOf(50n, { changeNumber: 3 })]);
});

test("a change is sent when all before it are answered, however many there are", async () => {
  const { keeper, clock, answers, draw, takeAsked } = start();
  const [first, second] = [Promise.withResolvers<bigint>(), Promise.withResolvers<bigint>()];
  answers.push(1_000n, first.promise, second.promise);
  await draw(100n);
  takeAsked();
  const looks = [keeper.assess()];
  clock.advance(5_000);
  looks.push(keeper.assess());
  first.resolve(0n);
  await quiet();
  assert.deepEqual(takeAsked(), [returnOf(700n), returnOf(200n, { changeNumber: 3 })]);
  const drawing = keeper.draw(t, ofMoney(300n));
  await quiet();
  assert.deepEqual(takeAsked(), []);
  second.resolve(0n);
  assert.ok(await drawing);
  await Promise.all(looks);
  assert.deepEqual(
    takeAsked().map(({ changeNumber }) => changeNumber),
    [4],
  );
});

test("after it is closed nothing is drawn, and what calls do not need is back", async () => {
  const { keeper, clock, answers, draw, kept, takeAsked } = start();
  answers.push(500n, 500n);
  finish(await draw(100n, "t"), 0n);
  const open = await draw(100n, "u");
  clock.advance(validMs);
  finish(await draw(100n, "t"), 0n);
  takeAsked();
  await keeper.close();
  assert.deepEqual(
    takeAsked().toSorted((a, b) => Number(a["lease"]) - Number(b["lease"])),
    [...[returnOf(500n), returnOf(400n, { tenantId: "u", lease: 1 }), returnOf(150n, { lease: 2 })]],
  );
  assert.equal(kept.size, 1, "from which a call still draws");
  assert.equal(open.lease.money.out, 100n);
  assert.deepEqual([keeper.draw(t, ofMoney(1n)), keeper.draw(u, ofMoney(1n))], [undefined, undefined]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { assess, createPurse, type Purse, runsLow, settle, take, target, wanted } from "./purse.ts";

const purseOf = (more: Partial<Purse>): Purse => ({ ...createPurse(), ...more });
const stateOf = ({ free, out }: Purse) => [free, out];

test("what a call did not take is free at once, and what it took is out", () => {
  const purse = purseOf({ free: 100n });
  take(purse, 60n);
  assert.deepEqual(stateOf(purse), [40n, 60n]);
  assert.equal(settle(purse, 60n, 25n), 25n);
  assert.deepEqual(stateOf(purse), [75n, 25n]);
});

test("a call that took more than it was promised takes the rest from what is free, as billing does", () => {
  const purse = purseOf({ free: 100n });
  take(purse, 40n);
  assert.equal(settle(purse, 40n, 70n), 70n);
  assert.deepEqual(stateOf(purse), [30n, 70n]);
});

test("a call that took more than it was promised takes nothing from the others of this node", () => {
  const purse = purseOf({ free: 100n });
  take(purse, 40n);
  take(purse, 60n);
  assert.equal(settle(purse, 40n, 90n), 40n);
  assert.deepEqual(stateOf(purse), [0n, 100n]);
});

test("a purse is to last for half more than was ever promised at a time of late, and three seconds of spending", () => {
  const purse = purseOf({ free: 1_000n });
  take(purse, 400n);
  const kept = settle(purse, 400n, 40n);
  purse.out -= kept;
  assert.equal(assess(purse, 1_000), 0n);
  // A quarter of the new rate, three quarters of the peak.
  assert.equal(target(purse), 450n + 30n);
  assert.equal(wanted(purse, 10n), 15n);
  purse.free = 100n;
  assert.equal(wanted(purse, 10n), 380n);
  assert.equal(wanted(purse, 1_000n), 1_500n);
  assert.ok(runsLow(purse));
});

test("a purse runs low below a quarter of its target", () => {
  const used = { peakOut: 400n, rate: 200n };
  assert.equal(target(purseOf(used)), 1_200n);
  const isLowAt = (free: bigint) => runsLow(purseOf({ ...used, free }));
  assert.deepEqual([isLowAt(299n), isLowAt(300n), isLowAt(301n)], [true, false, false]);
  assert.equal(runsLow(createPurse()), false, "of which nothing was ever asked");
});

test("what is asked for fills up to the target what is free and promised together", () => {
  assert.equal(wanted(purseOf({ free: 100n, peakOut: 400n, out: 250n }), 1n), 250n);
});

test("the rate is averaged over looks, and the peak falls by a quarter a look, never below what is out", () => {
  const purse = purseOf({ rate: 400n, spent: 1_600n, peakOut: 1_000n, out: 700n });
  assess(purse, 2_000);
  assert.deepEqual([purse.rate, purse.peakOut, purse.spent], [500n, 750n, 0n]);
  assess(purse, 1_000);
  assert.deepEqual([purse.rate, purse.peakOut], [375n, 700n]);
  assess(purse, 0);
  assert.equal(purse.rate, 281n, "two looks at one moment");
});

test("the peak is the most that was out at a time, not the last", () => {
  const purse = purseOf({ free: 100n });
  take(purse, 60n);
  settle(purse, 60n, 0n);
  take(purse, 10n);
  assert.equal(purse.peakOut, 60n);
});

test("of what is beyond twice the target no more goes back than is free, and nothing where there is nothing beyond", () => {
  const back = (free: bigint, out: bigint, rate: bigint) => assess(purseOf({ free, out, rate }), 1_000);
  // The target is one and a half times what is out, and three seconds at three quarters of the rate.
  assert.equal(back(1_000n, 100n, 40n), 1_100n - 2n * (150n + 90n));
  assert.equal(back(380n, 100n, 40n), 0n);
  assert.equal(back(381n, 100n, 40n), 1n);
  assert.equal(back(100n, 0n, 0n), 100n);
});

test("however calls draw, end and are posted, free and out add up to what billing holds, and neither is negative", () => {
  const seed = 5;
  const { between } = createSeeded(seed);
  const purse = createPurse();
  let held = 0n;
  const open: bigint[] = [];
  const unposted: bigint[] = [];
  for (let step = 0; step < 20_000; step++) {
    const kind = between(0, 4);
    if (kind === 0) {
      const granted = BigInt(between(0, 500));
      purse.free += granted;
      held += granted;
    } else if (kind === 1) {
      const amount = BigInt(between(0, 200));
      if (amount > purse.free) continue;
      take(purse, amount);
      open.push(amount);
    } else if (kind === 2) {
      const [promised] = open.splice(between(0, Math.max(0, open.length - 1)), 1);
      if (promised !== undefined) unposted.push(settle(purse, promised, BigInt(between(0, 250))));
    } else if (kind === 3) {
      const posted = unposted.shift() ?? 0n;
      purse.out -= posted;
      held -= posted;
    } else {
      const back = assess(purse, 1_000);
      purse.free -= back;
      held -= back;
    }
    assert.equal(purse.free + purse.out, held, `seed ${seed}, step ${step}`);
    assert.ok(purse.free >= 0n && purse.out >= 0n, `seed ${seed}, step ${step}`);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { platformDefaults } from "./presets.ts";
import { createRetryBudget, type RetryBudget } from "./retry-budget.ts";

const options = platformDefaults.retryBudget;

function takeAll(budget: RetryBudget): number {
  let taken = 0;
  while (budget.take()) taken++;
  return taken;
}

function request(budget: RetryBudget, times: number): void {
  for (let i = 0; i < times; i++) budget.request();
}

test("the platform's own: a tenth of traffic and three in hand, for ten seconds", () => {
  assert.deepEqual(options, { ratio: 0.1, reserve: 3, windowMs: 10_000 });
});

test("the reserve is there from the start, and ten requests earn one retry", () => {
  const budget = createRetryBudget(options, { clock: createFakeClock() });
  assert.equal(budget.balanceMilli(), 3_000);
  assert.equal(takeAll(budget), 3);
  request(budget, 9);
  assert.equal(takeAll(budget), 0);
  request(budget, 1);
  assert.equal(budget.balanceMilli(), 1_000);
  assert.equal(takeAll(budget), 1);
  assert.equal(budget.balanceMilli(), 0);
});

test("what is earned is spent before the reserve, and partly from both", () => {
  const clock = createFakeClock();
  const budget = createRetryBudget(options, { clock });
  request(budget, 15);
  assert.ok(budget.take());
  assert.equal(budget.balanceMilli(), 3_500);
  assert.ok(budget.take());
  assert.equal(budget.balanceMilli(), 2_500);
  clock.advance(20_000);
  assert.equal(budget.balanceMilli(), 2_500, "nothing earned was left to expire");
});

test("what was earned is gone after the window, and not before nine tenths of it", () => {
  const clock = createFakeClock();
  const budget = createRetryBudget({ ...options, reserve: 0 }, { clock });
  clock.advance(999);
  request(budget, 10);
  clock.advance(9_000);
  assert.equal(budget.balanceMilli(), 1_000);
  clock.advance(1);
  assert.equal(budget.balanceMilli(), 0);
  request(budget, 10);
  clock.advance(1e9);
  assert.equal(takeAll(budget), 0);
  request(budget, 10);
  assert.equal(takeAll(budget), 1);
});

test("the oldest is spent first", () => {
  const clock = createFakeClock();
  const budget = createRetryBudget({ ...options, reserve: 0 }, { clock });
  request(budget, 10);
  clock.advance(5_000);
  request(budget, 10);
  assert.ok(budget.take());
  clock.advance(5_000);
  assert.equal(budget.balanceMilli(), 1_000);
});

test("R2: while nothing succeeds, attempts stay within 1.2 × requests + 3, over an hour and at any rate", () => {
  for (const perSecond of [0.1, 1, 50, 500]) {
    const clock = createFakeClock();
    const budget = createRetryBudget({ ...options, ratio: 0.2 }, { clock });
    let retries = 0;
    let requests = 0;
    for (let i = 0; i < 36_000; i++) {
      clock.advance(1_000 / perSecond);
      budget.request();
      requests++;
      retries += Number(budget.take()) + Number(budget.take()) + Number(budget.take());
      assert.ok(requests + retries <= 1.2 * requests + 3 + 1e-6);
    }
    if (perSecond >= 1) assert.ok(retries >= 0.2 * requests - 1, "what was earned can be spent");
  }
});

test("successes fill the reserve again, by no more than it holds in a window", () => {
  const clock = createFakeClock();
  const budget = createRetryBudget({ ...options, ratio: 0 }, { clock });
  clock.advance(1e6);
  budget.success();
  assert.equal(budget.balanceMilli(), 3_000, "never more than full");
  assert.equal(takeAll(budget), 3);
  budget.success();
  assert.equal(takeAll(budget), 0, "time counts from when it was last full");
  clock.advance(3_333);
  assert.equal(takeAll(budget), 0, "time alone gives nothing");
  budget.success();
  assert.equal(budget.balanceMilli(), 999);
  clock.advance(5_000);
  budget.success();
  budget.success();
  assert.equal(budget.balanceMilli(), 2_499);
  clock.advance(1e6);
  budget.success();
  assert.equal(takeAll(budget), 3);
});

test("a retry that is given back is in hand again, and never more than the reserve", () => {
  const budget = createRetryBudget({ ...options, ratio: 0 }, { clock: createFakeClock() });
  for (let n = 0; n < 1_000; n++) {
    assert.ok(budget.take());
    budget.giveBack();
  }
  assert.equal(takeAll(budget), 3, "as many at a time as ever");
  for (let n = 0; n < 5; n++) budget.giveBack();
  assert.equal(budget.balanceMilli(), 3_000);
  budget.update({ ratio: 1, reserve: 1, windowMs: 10_000 });
  request(budget, 2);
  budget.giveBack();
  assert.equal(budget.balanceMilli(), 3_000, "what was earned stays, and the reserve is full");
});

test("taking from a reserve that is not full does not put off its filling", () => {
  const clock = createFakeClock();
  const budget = createRetryBudget({ ...options, ratio: 0 }, { clock });
  clock.advance(1e6);
  assert.ok(budget.take());
  clock.advance(5_000);
  assert.ok(budget.take());
  budget.success();
  assert.equal(budget.balanceMilli(), 2_500);
});

test("successes in quick succession lose no time between them", () => {
  const clock = createFakeClock();
  const budget = createRetryBudget({ ratio: 0, reserve: 1, windowMs: 10_000 }, { clock });
  assert.ok(budget.take());
  for (let i = 0; i < 20_000; i++) {
    clock.advance(0.5);
    budget.success();
  }
  assert.equal(budget.balanceMilli(), 1_000);
});

test("R13: a clock that steps back gives nothing back and takes nothing away", () => {
  const held = createFakeClock();
  let skewMs = 0;
  const clock = { ...held, monotonicMs: () => held.monotonicMs() + skewMs };
  const budget = createRetryBudget(options, { clock });
  held.advance(50_000);
  request(budget, 10);
  skewMs = -10_000;
  request(budget, 10);
  assert.equal(budget.balanceMilli(), 5_000);
  skewMs = 0;
  assert.equal(budget.balanceMilli(), 5_000);
  assert.equal(takeAll(budget), 5);
  budget.success();
  assert.equal(budget.balanceMilli(), 0);
});

test("new limits hold from now on: what was earned stays, a smaller reserve is cut", () => {
  const budget = createRetryBudget(options, { clock: createFakeClock() });
  request(budget, 10);
  budget.update({ ratio: 0.5, reserve: 1, windowMs: 10_000 });
  assert.equal(budget.balanceMilli(), 2_000);
  request(budget, 2);
  assert.equal(budget.balanceMilli(), 3_000);
  budget.update({ ratio: 0.5, reserve: 5, windowMs: 10_000 });
  assert.equal(budget.balanceMilli(), 3_000, "a larger one is filled by successes");
});

test("any sequence leaves the balance of a plain list of what was earned", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const seeded = createSeeded(seed);
    const clock = createFakeClock();
    const ratio = seeded.between(0, 10) / 10;
    const budget = createRetryBudget({ ratio, reserve: 2, windowMs: 1_000 }, { clock });
    let earned: { readonly slot: number; milli: number }[] = [];
    let reserveMilli = 2_000;
    for (let step = 0; step < 200; step++) {
      clock.advance(seeded.next() < 0.05 ? seeded.between(0, 2_000) : seeded.between(0, 50));
      const slot = Math.floor(clock.monotonicMs() / 100);
      earned = earned.filter((entry) => entry.slot > slot - 10);
      const total = () => earned.reduce((sum, { milli }) => sum + milli, 0);
      if (seeded.next() < 0.6) {
        budget.request();
        earned.push({ slot, milli: Math.round(ratio * 1_000) });
      } else {
        const isEnough = total() + reserveMilli >= 1_000;
        assert.equal(budget.take(), isEnough, `seed ${seed}, step ${step}`);
        let due = isEnough ? 1_000 : 0;
        for (const entry of earned) {
          const part = Math.min(due, entry.milli);
          entry.milli -= part;
          due -= part;
        }
        reserveMilli -= due;
      }
      assert.equal(budget.balanceMilli(), total() + reserveMilli, `seed ${seed}, step ${step}`);
    }
  }
});

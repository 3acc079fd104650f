import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../service/clock.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { foldDecisions, type LimitDecision, limitKey, type RateLimit, takeAll } from "./limiter.ts";
import { testLimiterContract } from "./limiter-contract.ts";
import { createLimiterEntries } from "./limiter-entries.ts";
import { createLimiter } from "./limiter-in-memory.ts";

testLimiterContract("memory", {
  slackMs: 0,
  create(rate) {
    const clock = createFakeClock();
    const { take } = createLimiter(rate, { clock });
    return { take, nowMs: clock.monotonicMs, advance: clock.advance };
  },
});

function createSettableClock(): Clock & { set(timeMs: number): void } {
  let timeMs = 0;
  const set = (nextMs: number) => {
    timeMs = nextMs;
  };
  return { nowMs: () => timeMs, monotonicMs: () => timeMs, setTimer: () => () => {}, set };
}

/** Exact by remembering every take: rational arithmetic in BigInt, slow and plain. */
function createReference(rate: RateLimit) {
  const takes: { atMs: bigint; count: bigint }[] = [];
  const limit = BigInt(rate.limit);
  const windowMs = BigInt(rate.windowMs);
  const burst = rate.kind === "token_bucket" ? BigInt(rate.burst ?? rate.limit) : limit;
  return (nowMs: number, count: number): boolean => {
    const now = BigInt(nowMs);
    let used = 0n;
    if (rate.kind === "token_bucket") {
      let lastMs = 0n;
      for (const { atMs, count } of takes) {
        const paid = used - (atMs - lastMs) * limit;
        used = (paid > 0n ? paid : 0n) + count * windowMs;
        lastMs = atMs;
      }
      used -= (now - lastMs) * limit;
      if (used < 0n) used = 0n;
    } else {
      const window = now / windowMs;
      const leftMs = (window + 1n) * windowMs - now;
      for (const { atMs, count } of takes) {
        if (atMs / windowMs === window) used += count * windowMs;
        if (atMs / windowMs === window - 1n) used += count * leftMs;
      }
    }
    const isAllowed = used + BigInt(count) * windowMs <= burst * windowMs;
    if (isAllowed) takes.push({ atMs: now, count: BigInt(count) });
    return isAllowed;
  };
}

const rates: readonly RateLimit[] = [
  { kind: "token_bucket", limit: 7, windowMs: 1_000 },
  { kind: "token_bucket", limit: 3, windowMs: 1_000, burst: 10 },
  { kind: "token_bucket", limit: 999_983, windowMs: 999_979, burst: 17 },
  { kind: "sliding_window", limit: 7, windowMs: 1_000 },
  { kind: "sliding_window", limit: 1, windowMs: 997 },
  { kind: "sliding_window", limit: 13, windowMs: 10 },
];

for (const rate of rates) {
  test(`${JSON.stringify(rate)} decides as exact arithmetic does, and its waits are the shortest that work`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = createSeeded(seed).next;
      const clock = createFakeClock();
      const limiter = createLimiter(rate, { clock });
      const isAllowedByReference = createReference(rate);
      for (let step = 0; step < 150; step++) {
        if (random() < 0.6) clock.advance(Math.floor(random() ** 3 * rate.windowMs * 0.7));
        const count = Math.floor(random() * 4);
        const foreseen = limiter.peek("k", count);
        const decision = limiter.take("k", count);
        assert.deepEqual(decision, foreseen);
        assert.equal(decision.isAllowed, isAllowedByReference(clock.monotonicMs(), count), `seed ${seed} step ${step}`);
        assert.equal(limiter.peek("k", decision.remaining + 1).isAllowed, false);
        assert.equal(limiter.peek("k", decision.remaining).isAllowed, true);
        if (decision.isAllowed || decision.retryAfterMs === Number.POSITIVE_INFINITY) continue;
        clock.advance(decision.retryAfterMs - 1);
        assert.equal(limiter.peek("k", count).isAllowed, false, `seed ${seed} step ${step}: the wait is too long`);
        clock.advance(1);
        assert.equal(limiter.peek("k", count).isAllowed, true, `seed ${seed} step ${step}: the wait is too short`);
      }
    }
  });

  test(`${JSON.stringify(rate)} is whole when it says so, and not before`, () => {
    const clock = createFakeClock();
    const limiter = createLimiter(rate, { clock });
    const full = limiter.peek("k", 0).remaining;
    assert.deepEqual(limiter.peek("k", 0), { isAllowed: true, remaining: full, resetMs: 0 });
    const decision = limiter.take("k", full);
    assert.ok(decision.isAllowed);
    clock.advance(decision.resetMs - 1);
    assert.ok(limiter.peek("k", 0).remaining < full);
    clock.advance(1);
    assert.deepEqual(limiter.peek("k", 0), { isAllowed: true, remaining: full, resetMs: 0 });
  });
}

for (const kind of ["token_bucket", "sliding_window"] as const) {
  test(`${kind}: time that steps back lets nothing through early and holds nobody for longer than two windows`, () => {
    const clock = createSettableClock();
    clock.set(100_000);
    const limiter = createLimiter({ kind, limit: 5, windowMs: 1_000 }, { clock });
    limiter.take("k", 5);
    clock.set(40_500);
    assert.equal(limiter.take("k").isAllowed, false);
    limiter.take("k", 0);
    clock.set(42_500);
    assert.equal(limiter.take("k", 5).isAllowed, true);
  });

  test(`${kind}: of more keys than fit, the one not used for longest is forgotten`, () => {
    const limiter = createLimiter({ kind, limit: 1, windowMs: 1_000 }, { clock: createFakeClock(), maxKeys: 3 });
    for (const key of ["a", "b", "c"]) limiter.take(key);
    assert.equal(limiter.take("a").isAllowed, false);
    assert.equal(limiter.peek("b").isAllowed, false);
    limiter.take("d");
    assert.deepEqual(limiter.stats(), { keys: 3, evictions: 1 });
    assert.deepEqual(
      ["a", "b", "c", "d"].map((key) => limiter.peek(key).isAllowed),
      [false, true, false, false],
    );
  });

  test(`${kind}: a single remembered key is enough to run`, () => {
    const limiter = createLimiter({ kind, limit: 1, windowMs: 1_000 }, { clock: createFakeClock(), maxKeys: 1 });
    assert.equal(limiter.take("a").isAllowed, true);
    assert.equal(limiter.take("b").isAllowed, true);
    assert.equal(limiter.take("b").isAllowed, false);
    assert.deepEqual(limiter.stats(), { keys: 1, evictions: 1 });
  });

  test(`${kind}: a rate out of bounds is refused at once`, () => {
    const clock = createFakeClock();
    const good = { kind, limit: 1, windowMs: 1 };
    createLimiter(good, { clock });
    createLimiter({ ...good, limit: 1e9, windowMs: 4_503_599 }, { clock });
    for (const bad of [
      { limit: 0 },
      { limit: 1.5 },
      { limit: 1e9 + 1 },
      { windowMs: 0 },
      { windowMs: 31 * 86_400_000 + 1 },
      { limit: 1e9, windowMs: 4_503_600 },
    ]) {
      assert.throws(() => createLimiter({ ...good, ...bad }, { clock }), RangeError, JSON.stringify(bad));
    }
    for (const maxKeys of [0, 1.5, Number.NaN]) {
      assert.throws(() => createLimiter(good, { clock, maxKeys }), RangeError);
    }
  });
}

test("what was taken in the window before is whole again when that window is no longer covered", () => {
  const clock = createFakeClock();
  const limiter = createLimiter({ kind: "sliding_window", limit: 10, windowMs: 1_000 }, { clock });
  limiter.take("k", 4);
  clock.advance(1_300);
  assert.deepEqual(limiter.peek("k", 0), { isAllowed: true, remaining: 7, resetMs: 700 });
});

test("several limits are taken as one: either all of them or none", () => {
  const clock = createFakeClock();
  const requests = createLimiter({ kind: "sliding_window", limit: 3, windowMs: 1_000 }, { clock });
  const tokens = createLimiter({ kind: "token_bucket", limit: 100, windowMs: 1_000 }, { clock });
  const claim = (count: number) =>
    takeAll([
      { limiter: requests, key: "t" },
      { limiter: tokens, key: "t", count },
    ]);
  assert.deepEqual(claim(60), { isAllowed: true, remaining: 2, resetMs: 2_000 });
  assert.deepEqual(claim(60), { isAllowed: false, remaining: 40, retryAfterMs: 200 });
  assert.equal(requests.peek("t", 0).remaining, 2);
  assert.equal(claim(40).remaining, 0);
  requests.take("t");
  assert.deepEqual(claim(60), { isAllowed: false, remaining: 0, retryAfterMs: 1_334 });
});

test("a limit claimed twice for one key, or no limit at all, is a mistake", () => {
  const limiter = createLimiter({ kind: "token_bucket", limit: 3, windowMs: 1_000 }, { clock: createFakeClock() });
  const claim = { limiter, key: "k" };
  assert.throws(() => takeAll([claim, { ...claim }]), TypeError);
  assert.throws(() => takeAll([]), TypeError);
  assert.equal(takeAll([claim, { limiter, key: "other" }]).remaining, 2);
});

test("keys of different parts are different", () => {
  assert.equal(limitKey("t1", "u1", "k1"), "t1/u1/k1");
  assert.notEqual(limitKey("a/b", "c"), limitKey("a", "b/c"));
  assert.notEqual(limitKey("a%2Fb"), limitKey("a/b"));
  assert.equal(limitKey("{a}"), "%7Ba%7D");
});

test("a mistake is named", () => {
  const clock = createFakeClock();
  const create = (rate: RateLimit) => () => createLimiter(rate, { clock });
  const rate = { kind: "token_bucket", limit: 5, windowMs: 1_000 } as const;
  assert.throws(create({ ...rate, limit: 0 }), /^RangeError: limit must be an integer from 1 to 1000000000$/);
  assert.throws(create({ ...rate, burst: 0 }), /^RangeError: burst must be an integer from 1 to 1000000000$/);
  assert.throws(create({ ...rate, windowMs: 0.5 }), /^RangeError: windowMs must be an integer from 1 to 2678400000$/);
  // 2^52 is the last product that is exact with room for a sum.
  create({ ...rate, limit: 2 ** 21, windowMs: 2 ** 31 })();
  const tooLarge = /use a shorter window/;
  assert.throws(create({ ...rate, limit: 2 ** 21, windowMs: 2 ** 31 + 1 }), tooLarge);
  assert.throws(create({ ...rate, burst: 2 ** 21, windowMs: 2 ** 31 + 1 }), tooLarge);
  assert.throws(create({ ...rate, limit: 2 ** 21, burst: 1, windowMs: 2 ** 31 + 1 }), tooLarge);
  for (const kind of ["token_bucket", "sliding_window"] as const) {
    const limiter = create({ ...rate, kind })();
    assert.throws(() => limiter.peek("k", -1), /count must be an integer from 0/);
    assert.throws(() => limiter.peek("k".repeat(513)), /at most 512 characters/);
    // Looking takes nothing, and leaves no key behind.
    limiter.peek("k");
    assert.deepEqual(limiter.stats(), { keys: 0, evictions: 0 });
    limiter.take("k");
    limiter.peek("k", 3);
    assert.equal(limiter.peek("k", 0).remaining, 4);
    const refused = limiter.take("k", 5);
    assert.ok(!refused.isAllowed && refused.retryAfterMs <= 2_000);
  }
  assert.throws(() => takeAll([]), /there is no limit to take from/);
  const claim = { limiter: create(rate)(), key: "k" };
  assert.throws(() => takeAll([claim, claim]), /claimed twice for one key/);
});

test("of several answers the one to wait for longest counts, else the scarcest, the first of equals", () => {
  const allowed = (remaining: number, resetMs: number): LimitDecision => ({ isAllowed: true, remaining, resetMs });
  const refused = (remaining: number, retryAfterMs: number): LimitDecision => ({
    isAllowed: false,
    remaining,
    retryAfterMs,
  });
  const cases: readonly [LimitDecision[], number][] = [
    [[allowed(3, 1), allowed(2, 1)], 1],
    [[allowed(2, 1), allowed(3, 1)], 0],
    [[allowed(2, 1), allowed(2, 9)], 0],
    [[allowed(0, 1), refused(5, 1)], 1],
    [[refused(5, 1), allowed(0, 1)], 0],
    [[refused(1, 10), refused(1, 20)], 1],
    [[refused(1, 20), refused(1, 10)], 0],
    [[refused(1, 10), refused(2, 10)], 0],
  ];
  for (const [decisions, index] of cases) assert.equal(foldDecisions(decisions), decisions[index]);
});

test("keys are forgotten in the order of their last use, as a plain list would have it", () => {
  for (const maxKeys of [1, 2, 3, 5]) {
    const random = createSeeded(maxKeys).next;
    const entries = createLimiterEntries(() => ({}), maxKeys);
    let reference: { readonly key: string; readonly state: object }[] = [];
    let evictions = 0;
    for (let step = 0; step < 500; step++) {
      const key = String(Math.floor(random() * 8));
      const known = reference.find((entry) => entry.key === key);
      const state = entries.use(key);
      if (known) assert.equal(state, known.state);
      reference = [...reference.filter((entry) => entry !== known), { key, state }];
      if (reference.length > maxKeys) {
        reference.shift();
        evictions++;
      }
      for (let other = 0; other < 8; other++) {
        const expected = reference.find((entry) => entry.key === String(other))?.state;
        assert.equal(entries.find(String(other)), expected, `step ${step}`);
      }
      assert.deepEqual([entries.countKeys(), entries.countEvictions()], [reference.length, evictions]);
    }
  }
  assert.throws(() => createLimiterEntries(() => ({}), 0), /^RangeError: maxKeys must be an integer from 1$/);
});

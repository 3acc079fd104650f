import assert from "node:assert/strict";
import { test } from "node:test";
import type { LimitDecision, RateLimit } from "./limiter.ts";

/** A limiter under test, and its time. */
export interface LimiterUnderTest {
  take(key: string, count?: number): LimitDecision | Promise<LimitDecision>;
  /** The limiter's own time. */
  nowMs(): number | Promise<number>;
  /** Moves that time forward by whole seconds. */
  advance(durationMs: number): void;
}

export interface LimiterContractOptions {
  /** Builds a limiter that has seen nothing yet. */
  create(rate: RateLimit): LimiterUnderTest | Promise<LimiterUnderTest>;
  /** By how much a time may be off, because time also flows by itself. 0 on a clock that stands still. */
  readonly slackMs: number;
}

const hourMs = 3_600_000;
const minuteMs = 60_000;
const bucket: RateLimit = { kind: "token_bucket", limit: 10, windowMs: hourMs };
const sliding: RateLimit = { kind: "sliding_window", limit: 10, windowMs: hourMs };

/** What every limiter keeps, in memory or shared. Registers its tests under `name`. */
export function testLimiterContract(name: string, { create, slackMs }: LimiterContractOptions): void {
  const near = (actual: number, expected: number) =>
    assert.ok(actual <= expected && actual >= expected - slackMs, `${actual} is not ${expected} (-${slackMs})`);
  const takeMany = async (limiter: LimiterUnderTest, key: string, times: number) => {
    const decisions: LimitDecision[] = [];
    for (let i = 0; i < times; i++) decisions.push(await limiter.take(key));
    return decisions.filter(({ isAllowed }) => isAllowed).length;
  };
  const toWindowStart = async (limiter: LimiterUnderTest) =>
    limiter.advance(Math.ceil((hourMs - ((await limiter.nowMs()) % hourMs)) / 1_000) * 1_000);

  for (const rate of [bucket, sliding]) {
    test(`${name}, ${rate.kind}: exactly the limit is let through, and each key has its own`, async () => {
      const limiter = await create(rate);
      await toWindowStart(limiter);
      assert.equal(await takeMany(limiter, "t/a", 15), 10);
      assert.equal(await takeMany(limiter, "t/b", 15), 10);
    });

    test(`${name}, ${rate.kind}: a hundred at once get no more than the limit`, async () => {
      const limiter = await create(rate);
      await toWindowStart(limiter);
      const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.take("k")));
      assert.equal(decisions.filter(({ isAllowed }) => isAllowed).length, 10);
    });

    test(`${name}, ${rate.kind}: a take of many is whole or nothing`, async () => {
      const limiter = await create(rate);
      await toWindowStart(limiter);
      assert.equal((await limiter.take("k", 7)).remaining, 3);
      const refused = await limiter.take("k", 4);
      assert.deepEqual([refused.isAllowed, refused.remaining], [false, 3]);
      assert.deepEqual((await limiter.take("k", 3)).remaining, 0);
    });

    test(`${name}, ${rate.kind}: more than ever fits is refused for ever, and takes nothing`, async () => {
      const limiter = await create(rate);
      const refused = await limiter.take("k", 11);
      assert.deepEqual(refused, { isAllowed: false, remaining: 10, retryAfterMs: Number.POSITIVE_INFINITY });
      assert.equal((await limiter.take("k", 10)).isAllowed, true);
    });

    test(`${name}, ${rate.kind}: who waits as told is let through, and not a step earlier`, async () => {
      const limiter = await create(rate);
      await toWindowStart(limiter);
      await limiter.take("k", 10);
      const refused = await limiter.take("k", 3);
      assert.ok(!refused.isAllowed);
      limiter.advance(Math.floor((refused.retryAfterMs - slackMs - 1_000) / 1_000) * 1_000);
      assert.equal((await limiter.take("k", 3)).isAllowed, false);
      limiter.advance(Math.ceil((slackMs + 2_000) / 1_000) * 1_000);
      assert.equal((await limiter.take("k", 3)).isAllowed, true);
    });

    test(`${name}, ${rate.kind}: taking nothing is always allowed and changes nothing`, async () => {
      const limiter = await create(rate);
      await toWindowStart(limiter);
      await limiter.take("k", 10);
      const decision = await limiter.take("k", 0);
      assert.deepEqual([decision.isAllowed, decision.remaining], [true, 0]);
    });

    test(`${name}, ${rate.kind}: a count or key out of bounds is refused as a mistake`, async () => {
      const limiter = await create(rate);
      for (const count of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await assert.rejects(async () => limiter.take("k", count), RangeError);
      }
      await assert.rejects(async () => limiter.take("k".repeat(513)), RangeError);
      assert.equal((await limiter.take("k".repeat(512))).isAllowed, true);
    });
  }

  test(`${name}, token_bucket: units flow back one by one, up to a full bucket`, async () => {
    const limiter = await create(bucket);
    await limiter.take("k", 10);
    const refused = await limiter.take("k");
    assert.ok(!refused.isAllowed);
    near(refused.retryAfterMs, 6 * minuteMs);
    limiter.advance(13 * minuteMs);
    const decision = await limiter.take("k");
    assert.ok(decision.isAllowed);
    assert.equal(decision.remaining, 1);
    near(decision.resetMs, (9 * 6 - 1) * minuteMs);
    limiter.advance(5 * hourMs);
    assert.equal((await limiter.take("k")).remaining, 9);
  });

  test(`${name}, token_bucket: a burst may be smaller or larger than the limit`, async () => {
    const small = await create({ ...bucket, kind: "token_bucket", burst: 2 });
    assert.equal(await takeMany(small, "k", 5), 2);
    const large = await create({ ...bucket, kind: "token_bucket", burst: 20 });
    assert.equal(await takeMany(large, "k", 25), 20);
  });

  test(`${name}, sliding_window: the window before counts for as much as is still covered`, async () => {
    const limiter = await create(sliding);
    await toWindowStart(limiter);
    await limiter.take("k", 8);
    limiter.advance(hourMs);
    near((await limiter.take("k", 0)).remaining, 2);
    limiter.advance(31 * minuteMs);
    const decision = await limiter.take("k", 6);
    assert.deepEqual([decision.isAllowed, decision.remaining], [true, 0]);
    const refused = await limiter.take("k", 2);
    assert.ok(!refused.isAllowed);
    near(refused.retryAfterMs, 14 * minuteMs);
    limiter.advance(2 * hourMs);
    assert.equal((await limiter.take("k", 0)).remaining, 10);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createAdaptiveLimit } from "./adaptive-limit.ts";
import { type SimulatedCall, simulate } from "./adaptive-simulation.ts";

/** xorshift32: the same numbers on every machine. */
function createSeededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function goodput(calls: readonly SimulatedCall[], fromMs: number, toMs: number): number {
  return calls.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs).length / ((toMs - fromMs) / 1_000);
}

function p99Ms(calls: readonly SimulatedCall[], fromMs: number, toMs: number): number {
  const inside = calls.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs);
  const durations = inside.map(({ arrivedMs, endedMs }) => endedMs - arrivedMs).sort((a, b) => a - b);
  return durations[Math.floor(durations.length * 0.99)] ?? Number.NaN;
}

for (const seed of [11, 22, 33]) {
  test(`R3, R4, seed ${seed}: ten times the capacity for 5 minutes costs no goodput and no latency, and leaves nothing behind`, () => {
    const clock = createFakeClock();
    const random = createSeededRandom(seed);
    const limit = createAdaptiveLimit({ clock });
    const capacity = 500;
    const overloadEndMs = 310_000;
    const calls = simulate(
      {
        clock,
        random,
        limit,
        slots: 50,
        firstByteMs: 20,
        serviceMs: () => 80 + 40 * random(),
        ratePerSecond: (nowMs) => capacity * (nowMs < 10_000 ? 0.5 : nowMs < overloadEndMs ? 10 : 0.8),
      },
      overloadEndMs + 60_000,
    );
    const baselineMs = p99Ms(calls, 2_000, 10_000);
    assert.ok(goodput(calls, 10_000, overloadEndMs) >= 0.95 * capacity);
    assert.ok(p99Ms(calls, 10_000, overloadEndMs) <= 2 * baselineMs);
    assert.ok(goodput(calls, overloadEndMs, overloadEndMs + 30_000) >= 0.97 * 0.8 * capacity);
    assert.ok(p99Ms(calls, overloadEndMs + 30_000, overloadEndMs + 60_000) <= 1.2 * baselineMs);
  });

  test(`R6, seed ${seed}: a shift from long to short answers moves the limit by 20 % at most, and idle slots refuse nobody`, () => {
    const clock = createFakeClock();
    const random = createSeededRandom(seed);
    const slots = 50;
    const limit = createAdaptiveLimit({ clock });
    const shiftMs = 1_200_000;
    const convergedMs = 700_000;
    const limits: number[] = [];
    let needless = 0;
    // 10 tokens in 0.4 s, 4,000 tokens in 32 s; the share of short ones goes from 1:9 to 9:1.
    const shareOfShort = (nowMs: number) => (nowMs < shiftMs ? 0.1 : 0.9);
    const meanMs = (nowMs: number) => shareOfShort(nowMs) * 400 + (1 - shareOfShort(nowMs)) * 32_000;
    simulate(
      {
        clock,
        random,
        limit,
        slots,
        firstByteMs: 300,
        serviceMs: (nowMs) => (random() < shareOfShort(nowMs) ? 400 : 32_000) * (0.8 + 0.4 * random()),
        ratePerSecond: (nowMs) => ((nowMs < 2 * shiftMs ? 3 : 0.6) * slots * 1_000) / meanMs(nowMs),
        onSecond: (nowMs) => {
          if (nowMs > convergedMs && nowMs < 2 * shiftMs) limits.push(limit.stats().limit);
        },
        onRefused: (idleSlots) => {
          if (clock.monotonicMs() > 2 * shiftMs + 10_000 && idleSlots > 0) needless++;
        },
      },
      3 * shiftMs,
    );
    // The tuned static limit: every slot busy, and the next call never waits for the one before it to be sent.
    const tuned = slots + 1;
    assert.ok(Math.min(...limits) >= 0.8 * tuned, `lowest ${Math.min(...limits)}`);
    assert.ok(Math.max(...limits) <= 1.2 * tuned, `highest ${Math.max(...limits)}`);
    assert.equal(needless, 0);
  });
}

/** Runs as many calls as there is room for, side by side, and ends each after `durationMs`. */
function round(
  limit: ReturnType<typeof createAdaptiveLimit>,
  advance: (ms: number) => void,
  durationMs: number,
): number {
  const permits = [];
  for (let permit = limit.tryAcquire(); permit; permit = limit.tryAcquire()) permits.push(permit);
  advance(durationMs);
  for (const permit of permits) permit.end("ok");
  return permits.length;
}

test("as many calls as the limit are let through, and an ended one makes room once", () => {
  const limit = createAdaptiveLimit({ clock: createFakeClock() });
  const permits = Array.from({ length: 20 }, () => limit.tryAcquire());
  assert.ok(permits.every((permit) => permit !== undefined));
  assert.equal(limit.tryAcquire(), undefined);
  permits[0]?.end("ignored");
  permits[0]?.end("ok");
  permits[0]?.end("dropped");
  assert.deepEqual(limit.stats(), { limit: 20, inFlight: 19, refused: 1, dropped: 0 });
  assert.ok(limit.tryAcquire());
  assert.equal(limit.tryAcquire(), undefined);
});

test("a steady side lets the limit grow to its maximum, a slower one brings it back to its minimum", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, maxLimit: 40, probeEveryMs: 1e12 });
  for (let i = 0; i < 100; i++) round(limit, clock.advance, 300);
  assert.equal(limit.stats().limit, 40);
  for (let i = 0; i < 20; i++) round(limit, clock.advance, 3_000);
  assert.equal(limit.stats().limit, 20);
});

test("a limit of which less than half is used does not grow", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock });
  for (let i = 0; i < 200; i++) {
    const permits = [1, 2, 3, 4, 5].map(() => limit.tryAcquire());
    clock.advance(100);
    for (const permit of permits) permit?.end("ok");
  }
  assert.equal(limit.stats().limit, 20);
});

test("drops cut the limit once per round trip, to no less than the minimum", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, initialLimit: 100 });
  const drop = (count: number) => {
    const permits = Array.from({ length: count }, () => limit.tryAcquire());
    clock.advance(10);
    for (const permit of permits) permit?.end("dropped");
  };
  drop(50);
  assert.deepEqual([limit.stats().limit, limit.stats().dropped], [90, 50]);
  clock.advance(1);
  drop(1);
  assert.equal(limit.stats().limit, 81);
  for (let i = 0; i < 100; i++) {
    clock.advance(1);
    drop(1);
  }
  assert.equal(limit.stats().limit, 20);
});

test("the first byte counts, not how long the answer is", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, probeEveryMs: 1e12 });
  for (let i = 0; i < 40; i++) {
    const permits = [];
    for (let permit = limit.tryAcquire(); permit; permit = limit.tryAcquire()) permits.push(permit);
    clock.advance(300);
    for (const permit of permits) permit.sample(300);
    clock.advance(i * 1_000);
    for (const permit of permits) permit.end("ok");
  }
  assert.ok(limit.stats().limit > 45);
});

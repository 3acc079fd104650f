import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { createAdaptiveLimit } from "./adaptive-limit.ts";
import { type SimulatedCall, simulate } from "./adaptive-simulation.ts";

function goodput(calls: readonly SimulatedCall[], fromMs: number, toMs: number): number {
  return calls.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs).length / ((toMs - fromMs) / 1_000);
}

function p99Ms(calls: readonly SimulatedCall[], fromMs: number, toMs: number): number {
  const inside = calls.filter(({ endedMs }) => endedMs >= fromMs && endedMs < toMs);
  const durations = inside.map(({ arrivedMs, endedMs }) => endedMs - arrivedMs).sort((a, b) => a - b);
  return durations[Math.floor(durations.length * 0.99)] ?? Number.NaN;
}

for (const seed of [1, 2, 3]) {
  test(`R3, R4, seed ${seed}: ten times the capacity for 5 minutes costs no goodput and no latency, and leaves nothing behind`, () => {
    const clock = createFakeClock();
    const random = createSeeded(seed).next;
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
    const random = createSeeded(seed).next;
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
          // The overload's last probe begins at most 10 s after it and may hold calls back for a second.
          if (clock.monotonicMs() > 2 * shiftMs + 12_000 && idleSlots > 0) needless++;
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

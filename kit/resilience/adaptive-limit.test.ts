import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createAdaptiveLimit } from "./adaptive-limit.ts";

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

/** Gradient2, one window after the other, as its authors write it. */
function predict(shortTimesMs: readonly number[], options: typeof formula): readonly number[] {
  let limit = options.initialLimit;
  let longMs = 0;
  return shortTimesMs.map((shortMs, index) => {
    longMs += (shortMs - longMs) * (index < 10 ? 1 / (index + 1) : 2 / (options.longWindow + 1));
    if (longMs > 2 * shortMs) longMs *= 0.9;
    const gradient = Math.max(0.5, Math.min(1, (options.tolerance * longMs) / shortMs));
    const next = limit * gradient + options.queueSize;
    limit = limit * (1 - options.smoothing) + next * options.smoothing;
    limit = Math.min(options.maxLimit, Math.max(options.minLimit, limit));
    return Math.floor(limit);
  });
}

const formula = {
  ...{ initialLimit: 400, minLimit: 100, maxLimit: 1_000, smoothing: 0.3, queueSize: 20 },
  ...{ tolerance: 1.2, longWindow: 25, windowMs: 250 },
};
const noProbe = { probeEveryMs: 1e12 };

test("each window moves the limit as Gradient2 says: growing, shrinking, and forgetting what was slow", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, ...formula, ...noProbe });
  const steady = Array.from({ length: 8 }, () => 300);
  const timesMs = [
    ...steady,
    420,
    390,
    500,
    5_000,
    5_000,
    5_000,
    300,
    260,
    250,
    1_500,
    900,
    ...steady,
    300,
    380,
    410,
    ...steady,
  ];
  const limits = timesMs.map((durationMs) => {
    round(limit, clock.advance, durationMs);
    return limit.stats().limit;
  });
  assert.deepEqual(limits, predict(timesMs, formula));
});

test("it starts between its bounds", () => {
  const start = (initialLimit: number) => createAdaptiveLimit({ clock: createFakeClock(), initialLimit }).stats().limit;
  assert.deepEqual([start(1), start(20), start(60), start(200), start(1_000)], [20, 20, 60, 200, 200]);
});

/** Ends one call after another, each `durationMs` long. */
function endCalls(limit: ReturnType<typeof createAdaptiveLimit>, clock: ReturnType<typeof createFakeClock>) {
  return (count: number, durationMs: number) => {
    for (let i = 0; i < count; i++) {
      const permit = limit.tryAcquire();
      assert.ok(permit);
      clock.advance(durationMs);
      permit.end("ok");
    }
  };
}

test("a window closes with its tenth call, and not before 250 ms are over", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, ...noProbe });
  const end = endCalls(limit, clock);
  // Ten others, under way for ever: more than half of the limit is in use, which is what lets it grow.
  for (let i = 0; i < 10; i++) limit.tryAcquire();
  end(9, 100);
  assert.equal(limit.stats().limit, 20);
  end(1, 100);
  assert.equal(limit.stats().limit, 20, "20.8, rounded down");
  // They are no slower, so each window adds 0.8.
  end(24, 10);
  assert.equal(limit.stats().limit, 20);
  end(1, 10);
  assert.equal(limit.stats().limit, 21);
});

test("less than half of the limit in use does not let it grow, half does, also by calls that last", () => {
  const limitAfter = (others: number) => {
    const clock = createFakeClock();
    const limit = createAdaptiveLimit({ clock, smoothing: 1, ...noProbe });
    for (let i = 0; i < others; i++) limit.tryAcquire();
    endCalls(limit, clock)(100, 25);
    return limit.stats().limit;
  };
  // Of 20 to 24, of 24 to 28.
  assert.deepEqual([limitAfter(8), limitAfter(9), limitAfter(11)], [20, 24, 28]);
});

test("a call that began before the window says nothing in it", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, ...noProbe });
  const old = Array.from({ length: 10 }, () => limit.tryAcquire());
  const end = endCalls(limit, clock);
  end(10, 100);
  const { limit: before } = limit.stats();
  clock.advance(100_000);
  for (const permit of old) permit?.end("ok");
  end(100, 100);
  assert.ok(limit.stats().limit >= before, "the long calls did not count");
});

test("a call counts once: by its sample, else by its whole time, and only when it went well", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, ...formula, ...noProbe });
  const take = () => Array.from({ length: 400 }, () => limit.tryAcquire());
  const first = take();
  clock.advance(300);
  for (const permit of first) {
    permit?.sample(300);
    permit?.sample(1e9);
    permit?.end("ok");
    permit?.sample(1e9);
  }
  const [expected] = predict([300], formula);
  assert.equal(limit.stats().limit, expected);
  const ignored = take();
  clock.advance(1e6);
  for (const permit of ignored) permit?.end("ignored");
  assert.deepEqual(limit.stats(), { limit: expected, inFlight: 0, refused: 0, dropped: 0 });
});

test("calls of no length at all do not make every other one look endless", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, ...formula, ...noProbe });
  for (let i = 0; i < 3; i++) {
    const permits = Array.from({ length: 300 }, () => limit.tryAcquire());
    clock.advance(300);
    for (const permit of permits) permit?.sample(0);
    for (const permit of permits) permit?.end("ok");
  }
  assert.deepEqual(limit.stats().limit, predict([0.001, 0.001, 0.001], formula).at(-1));
});

/** As many permits as there are; the call after them is refused. */
function fillUp(limit: ReturnType<typeof createAdaptiveLimit>) {
  const permits = [];
  for (let permit = limit.tryAcquire(); permit; permit = limit.tryAcquire()) permits.push(permit);
  return permits;
}

test("where calls were refused, every 10 s half of them are held back until ten show what is usual without a queue", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, ...formula });
  const run = (durationMs: number) => {
    const permits = fillUp(limit);
    clock.advance(durationMs);
    for (const permit of permits) permit.end("ok");
    return permits.length;
  };
  // 400 ms are taken for usual, though half of it is a queue.
  for (let n = 0; n < 25; n++) run(400);
  assert.equal(clock.monotonicMs(), 10_000);
  const full = limit.stats().limit;
  assert.equal(run(200), Math.floor(full / 2));
  assert.equal(limit.stats().limit, full, "a probe moves nothing");
  // Now 200 ms are usual: 400 ms bring the limit down, where they let it grow before.
  assert.equal(run(400), full);
  const { tolerance, smoothing, queueSize } = formula;
  const longMs = 200 + (400 - 200) * (2 / (formula.longWindow + 1));
  const gradient = Math.max(0.5, (tolerance * longMs) / 400);
  const expected = full * (1 - smoothing) + (full * gradient + queueSize) * smoothing;
  assert.ok(Math.abs(limit.stats().limit - expected) < 1, "both are rounded down");
  // The next one comes 10 s after the end of this one.
  clock.advance(10_200 + 10_000 - 1 - clock.monotonicMs());
  assert.equal(fillUp(limit).length, limit.stats().limit);
});

test("where nobody was refused since the last probe, none is held back", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock });
  clock.advance(20_000);
  const permits = Array.from({ length: 20 }, () => limit.tryAcquire());
  assert.ok(permits.every((permit) => permit !== undefined));
});

test("a probe that learns nothing within a second is given up, and the next one is 10 s later", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock });
  const busy = fillUp(limit);
  assert.equal(busy.length, 20);
  clock.advance(10_000);
  const end = (count: number) => {
    for (const permit of busy.splice(0, count)) permit.end("ignored");
  };
  end(5);
  assert.equal(limit.tryAcquire(), undefined, "15 are under way, and half of the limit is 10");
  end(6);
  const probing = limit.tryAcquire();
  assert.ok(probing);
  assert.equal(limit.tryAcquire(), undefined);
  clock.advance(1_000);
  assert.equal(limit.tryAcquire(), undefined);
  clock.advance(1);
  assert.equal(fillUp(limit).length, 10);
  assert.deepEqual([limit.stats().limit, limit.stats().inFlight], [20, 20]);
  // Refused again, and 10 s later.
  clock.advance(9_999);
  for (const permit of busy.splice(0)) permit.end("ignored");
  assert.equal(fillUp(limit).length, 9);
  clock.advance(1);
  probing.end("ignored");
  assert.equal(limit.tryAcquire(), undefined);
});

test("a drop cuts the limit, those sent before the cut do not cut again", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, initialLimit: 100, dropRatio: 0.5 });
  const [first, twin] = [limit.tryAcquire(), limit.tryAcquire()];
  clock.advance(10);
  const late = limit.tryAcquire();
  first?.end("dropped");
  twin?.end("dropped");
  late?.end("dropped");
  assert.deepEqual(limit.stats(), { limit: 50, inFlight: 0, refused: 0, dropped: 3 });
  clock.advance(1);
  limit.tryAcquire()?.end("dropped");
  assert.equal(limit.stats().limit, 25);
});

test("a window of many short calls is judged by how long one takes", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, smoothing: 1, ...noProbe });
  for (let i = 0; i < 14; i++) limit.tryAcquire();
  const end = endCalls(limit, clock);
  end(10, 30);
  assert.equal(limit.stats().limit, 24);
  end(26, 10);
  assert.equal(limit.stats().limit, 28);
});

test("no call is counted twice, nor after its end", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, smoothing: 1, ...noProbe });
  const permits = Array.from({ length: 20 }, () => limit.tryAcquire());
  clock.advance(300);
  for (const permit of permits.splice(0, 5)) {
    permit?.sample(300);
    permit?.sample(300);
    permit?.end("ok");
  }
  for (const permit of permits.splice(0, 5)) {
    permit?.end("ignored");
    permit?.sample(300);
  }
  assert.equal(limit.stats().limit, 20, "five calls are too few");
  for (const permit of permits.splice(0, 5)) permit?.end("ok");
  assert.equal(limit.stats().limit, 24);
});

test("a probe hears only of calls that began in it", () => {
  const clock = createFakeClock();
  const limit = createAdaptiveLimit({ clock, initialLimit: 100 });
  for (let n = 0; n < 12; n++) round(limit, clock.advance, 300);
  const old = fillUp(limit);
  clock.advance(10_000 - clock.monotonicMs());
  for (const permit of old.splice(0, 80)) permit.end("ignored");
  const probing = Array.from({ length: 10 }, () => limit.tryAcquire());
  for (const permit of old.splice(0, 20)) permit.end("ok");
  clock.advance(100);
  for (const permit of probing) permit?.end("ok");
  // 100 ms are usual now, not several seconds: 300 ms bring the limit down.
  const { limit: before } = limit.stats();
  round(limit, clock.advance, 300);
  assert.ok(limit.stats().limit < before);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { createLoadShedder, type LoadShedder, type Pressure, type Priority } from "./load-shed.ts";
import { loadShedFailures } from "./load-shed-failures.ts";
import { createLoopMonitor } from "./load-shed-loop-monitor.ts";

function tryAdmit(shedder: LoadShedder, priority: Priority): (() => void) | undefined {
  try {
    return shedder.admit(priority);
  } catch (err) {
    assert.ok(isFailure(err, loadShedFailures.overloaded));
    return undefined;
  }
}

function isAdmitted(shedder: LoadShedder, priority: Priority): boolean {
  return tryAdmit(shedder, priority) !== undefined;
}

function fill(shedder: LoadShedder, priority: Priority): number {
  let count = 0;
  while (count < 1_000 && isAdmitted(shedder, priority)) count++;
  return count;
}

test("alone, a priority fills what it may borrow; the others still get their share", () => {
  const shedder = createLoadShedder({ limit: () => 100 });
  assert.equal(fill(shedder, "batch"), 90);
  assert.equal(fill(shedder, "background"), 20);
  assert.equal(fill(shedder, "interactive"), 70);
  assert.equal(shedder.stats().inFlight, 180);
  assert.deepEqual(shedder.stats().byPriority.batch, { inFlight: 90, shed: 1 });
});

test("interactive work beyond its share may overbook by a fifth, and leaves the others theirs", () => {
  const shedder = createLoadShedder({ limit: () => 100 });
  assert.equal(fill(shedder, "interactive"), 120);
  assert.equal(fill(shedder, "background"), 20);
  assert.equal(fill(shedder, "batch"), 10);
});

test("the smallest limit lets each priority through", () => {
  const shedder = createLoadShedder({ limit: () => 1 });
  for (const priority of ["interactive", "background", "batch"] as const) {
    assert.equal(isAdmitted(shedder, priority), true);
  }
  assert.equal(isAdmitted(shedder, "batch"), false);
});

test("a refusal is a 503 that says when to come back; work that ends makes room once", () => {
  const shedder = createLoadShedder({ limit: () => 1, retryAfterMs: 2_500 });
  const end = shedder.admit("batch");
  assert.throws(
    () => shedder.admit("batch"),
    (err) =>
      isFailure(err) &&
      err.type.httpStatus === 503 &&
      err.retryAfterMs === 2_500 &&
      err.details["retryAfterSeconds"] === 3,
  );
  end();
  end();
  assert.equal(shedder.stats().inFlight, 0);
});

test("under high pressure only interactive work is let in, under severe pressure none", () => {
  let pressure: Pressure = "high";
  const shedder = createLoadShedder({ limit: () => 10, pressure: () => pressure });
  assert.deepEqual(
    [isAdmitted(shedder, "interactive"), isAdmitted(shedder, "background"), isAdmitted(shedder, "batch")],
    [true, false, false],
  );
  pressure = "severe";
  assert.equal(isAdmitted(shedder, "interactive"), false);
});

test("R14: at three times the capacity interactive work succeeds at 99.9 %, and the rest takes all loss", () => {
  const { next: random } = createSeeded(14);
  const slots = 50;
  const serviceMs = 100;
  const shedder = createLoadShedder({ limit: () => slots });
  const shares = { interactive: 0.5, background: 1.25, batch: 1.25 };
  const asked = { interactive: 0, background: 0, batch: 0 };
  const slow = { interactive: 0, background: 0, batch: 0 };
  const freeAtMs = Array.from({ length: slots }, () => 0);
  let running: { readonly endMs: number; readonly end: () => void }[] = [];
  let completed = 0;
  // In steps of 1 ms, the least urgent first: it has every chance to be in the way.
  for (let nowMs = 0; nowMs < 120_000; nowMs++) {
    for (const { endMs, end } of running) if (endMs <= nowMs) end();
    running = running.filter(({ endMs }) => endMs > nowMs);
    for (const priority of ["batch", "background", "interactive"] as const) {
      const none = Math.exp((-shares[priority] * slots) / serviceMs);
      for (let product = random(); product > none; product *= random()) {
        asked[priority]++;
        const end = tryAdmit(shedder, priority);
        if (!end) continue;
        // What is admitted beyond the slots waits for the one that is free first.
        const slot = freeAtMs.indexOf(Math.min(...freeAtMs));
        const endMs = Math.max(nowMs, freeAtMs[slot] ?? 0) + serviceMs;
        freeAtMs[slot] = endMs;
        if (endMs - nowMs > 2 * serviceMs) slow[priority]++;
        running.push({ endMs, end });
        completed++;
      }
    }
  }
  const { byPriority } = shedder.stats();
  const failed = byPriority.interactive.shed + slow.interactive;
  assert.ok(failed <= 0.001 * asked.interactive, `${failed} of ${asked.interactive}`);
  assert.ok(byPriority.background.shed + byPriority.batch.shed > 0.5 * (asked.background + asked.batch));
  assert.ok(completed >= 0.85 * (120_000 / serviceMs) * slots, "the slots stay in use");
});

test("R10: a loop that stood still sheds within one sample and is normal again one clean sample later", () => {
  const clock = createFakeClock();
  let delayMs = 0;
  const readDelayMs = () => {
    const read = delayMs;
    delayMs = 0;
    return read;
  };
  const monitor = createLoopMonitor({ clock, readDelayMs });
  assert.equal(monitor.pressure(), "none");
  for (const [delay, expected] of [
    [99, "none"],
    [100, "high"],
    [499, "high"],
    [500, "severe"],
    [1_000, "severe"],
  ] as const) {
    delayMs = delay;
    clock.advance(500);
    assert.equal(monitor.pressure(), expected);
    clock.advance(499);
    assert.equal(monitor.pressure(), expected);
    clock.advance(1);
    assert.equal(monitor.pressure(), "none");
  }
  monitor.stop();
  assert.equal(clock.countTimers(), 0);
});

test("R10: the first question after a pause already sees it, before any timer had its turn", () => {
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, setTimer: () => () => {} };
  const monitor = createLoopMonitor({ clock, readDelayMs: () => 0 });
  nowMs = 500 + 99;
  assert.equal(monitor.pressure(), "none");
  nowMs = 1_500;
  assert.equal(monitor.pressure(), "severe");
});

test("R10: the real loop, blocked, is seen at once", (t) => {
  const monitor = createLoopMonitor({ clock: systemClock, sampleEveryMs: 10 });
  t.after(monitor.stop);
  assert.equal(monitor.pressure(), "none");
  const startMs = systemClock.monotonicMs();
  while (systemClock.monotonicMs() - startMs < 150);
  assert.equal(monitor.pressure(), "high");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { createTimerEntry, createTimerWheel, type TimerEntry } from "./timer-wheel.ts";

const tickMs = 50;

test("an entry ends once, not before its time and at most two ticks after it, however long it runs", () => {
  const clock = createFakeClock();
  const wheel = createTimerWheel({ tickMs, clock });
  const seeded = createSeeded(1);
  const ends: number[] = [];
  const due: number[] = [];
  for (let n = 0; n < 500; n++) {
    // Up to four turns of the wheel, begun at any moment within a tick.
    const timeoutMs = seeded.between(0, 100_000);
    due[n] = clock.monotonicMs() + timeoutMs;
    wheel.start(
      timeoutMs,
      createTimerEntry(() => {
        assert.equal(ends[n], undefined);
        ends[n] = clock.monotonicMs();
      }),
    );
    clock.advance(seeded.between(0, 70));
  }
  clock.advance(150_000);
  due.forEach((dueMs, n) => {
    const lateMs = (ends[n] ?? Number.NaN) - dueMs;
    assert.ok(lateMs >= 0 && lateMs <= 2 * tickMs, `entry ${n} ended ${lateMs} ms late`);
  });
  assert.equal(clock.countTimers(), 0);
});

test("starting anew moves the end, stopping takes it away, and both may be repeated", () => {
  const clock = createFakeClock();
  const wheel = createTimerWheel({ tickMs, clock });
  let ended = 0;
  const entry = createTimerEntry(() => ended++);
  wheel.stop(entry);
  wheel.start(200, entry);
  for (let n = 0; n < 20; n++) {
    clock.advance(150);
    wheel.start(200, entry);
  }
  assert.equal(ended, 0);
  wheel.stop(entry);
  wheel.stop(entry);
  clock.advance(10_000);
  assert.equal(ended, 0);
  wheel.start(200, entry);
  clock.advance(300);
  assert.equal(ended, 1);
});

test("what ends may start itself again, start others and stop those that end with it", () => {
  const clock = createFakeClock();
  const wheel = createTimerWheel({ tickMs, clock });
  const ended: string[] = [];
  const second = createTimerEntry(() => ended.push("second"));
  const third = createTimerEntry(() => ended.push("third"));
  const first: TimerEntry = createTimerEntry(() => {
    ended.push("first");
    wheel.stop(second);
    wheel.start(0, third);
    if (ended.length < 3) wheel.start(100, first);
  });
  wheel.start(100, first);
  wheel.start(100, second);
  clock.advance(100);
  assert.deepEqual(ended, ["first"]);
  clock.advance(1_000);
  assert.deepEqual(ended, ["first", "third", "first", "third"]);
});

test("after a pause of many turns each entry that is due ends, and no other", () => {
  let nowMs = 0;
  let tick = () => {};
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    setTimer(_delayMs: number, callback: () => void) {
      tick = callback;
      return () => {};
    },
  };
  const wheel = createTimerWheel({ tickMs, clock });
  const ended: number[] = [];
  for (const timeoutMs of [1_000, 40_000, 99_000, 200_000]) {
    wheel.start(
      timeoutMs,
      createTimerEntry(() => ended.push(timeoutMs)),
    );
  }
  nowMs = 100_000;
  tick();
  assert.deepEqual(ended.sort(), [1_000, 40_000, 99_000].sort());
  nowMs = 200_050;
  tick();
  assert.equal(ended.length, 4);
});

test("a tick below a millisecond and a limit that is no number are refused, and what ran goes on", () => {
  const clock = createFakeClock();
  const wheel = createTimerWheel({ tickMs, clock });
  let ended = 0;
  const entry = createTimerEntry(() => ended++);
  wheel.start(100, entry);
  for (const timeoutMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => wheel.start(timeoutMs, entry), RangeError);
  }
  clock.advance(200);
  assert.equal(ended, 1);
  assert.throws(() => createTimerWheel({ tickMs: 0, clock: createFakeClock() }), RangeError);
});

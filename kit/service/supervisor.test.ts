import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { currentContext } from "../rpc/call-context.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSupervisor } from "./supervisor.ts";

function supervise() {
  const clock = createFakeClock();
  const logLines: string[] = [];
  const supervisor = createSupervisor({ clock, log: pino({}, { write: (line) => logLines.push(line) }) });
  return {
    clock,
    supervisor,
    logLines,
    /** Moves on, and lets what is then due happen. */
    async advance(durationMs: number) {
      clock.advance(durationMs);
      await setImmediate();
    },
  };
}

test("a job runs at once and then everyMs after its last run has ended, never twice at a time", async () => {
  const { supervisor, advance } = supervise();
  const runs: PromiseWithResolvers<void>[] = [];
  supervisor.add("billing", {
    name: "sweep",
    everyMs: 500,
    run() {
      runs.push(Promise.withResolvers());
      return runs.at(-1)?.promise ?? Promise.resolve();
    },
  });
  assert.equal(runs.length, 1);
  await advance(10_000);
  assert.equal(runs.length, 1, "the first run is still under way");
  runs[0]?.resolve();
  await advance(0);
  await advance(499);
  assert.equal(runs.length, 1);
  await advance(1);
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  await supervisor.stop();
});

test("jobs that are added together are not due together", async () => {
  const { supervisor, clock, advance } = supervise();
  const runsMs: number[] = [];
  for (let index = 0; index < 20; index++) {
    const run = async () => void runsMs.push(clock.monotonicMs());
    supervisor.add("billing", { name: `sweep-${index}`, everyMs: 1_000, run });
  }
  await setImmediate();
  const begunMs = clock.monotonicMs();
  for (let ms = 0; ms < 3_000; ms++) await advance(1);
  const inThirdSecond = runsMs.filter((ms) => ms > begunMs + 2_000).sort((a, b) => a - b);
  assert.equal(inThirdSecond.length, 20, "each runs once a second");
  const gapsMs = inThirdSecond.slice(1).map((ms, index) => ms - (inThirdSecond[index] ?? 0));
  assert.ok(Math.min(...gapsMs) >= 20, `they lie ${gapsMs} ms apart`);
  await supervisor.stop();
});

test("a job that fails is logged and backs off to 60 s, until a run succeeds", async () => {
  const { supervisor, clock, advance, logLines } = supervise();
  const startsMs: number[] = [];
  let isBroken = true;
  supervisor.add("billing", {
    name: "sweep",
    everyMs: 500,
    async run() {
      startsMs.push(clock.monotonicMs());
      if (isBroken) throw new Error("database is away");
    },
  });
  await setImmediate();
  for (const waitMs of [1, 2, 4, 8, 16, 32, 60, 60]) await advance(waitMs * 1000);
  isBroken = false;
  await advance(60_000);
  await advance(500);
  const waitsMs = startsMs.slice(1).map((startMs, i) => startMs - (startsMs[i] ?? 0));
  assert.deepEqual(waitsMs, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 500]);
  assert.equal(logLines.length, 9);
  assert.match(logLines[0] ?? "", /"trace_id":"[0-9a-f]{32}","service":"billing","job":"sweep","msg":"job failed"/);
  await supervisor.stop();
});

test("back-off never makes a slow job faster", async () => {
  const { supervisor, advance } = supervise();
  let runs = 0;
  supervisor.add("billing", {
    name: "invoice",
    everyMs: 3_600_000,
    async run() {
      runs++;
      throw new Error("no");
    },
  });
  await setImmediate();
  await advance(3_599_999);
  assert.equal(runs, 1);
  await advance(1);
  assert.equal(runs, 2);
  await supervisor.stop();
});

test("stop aborts the run under way, waits for its end, and starts no more", async () => {
  const { supervisor, clock, logLines } = supervise();
  const ended = Promise.withResolvers<void>();
  const traceIds: (string | undefined)[] = [];
  supervisor.add("billing", {
    name: "sweep",
    everyMs: 1,
    async run(signal) {
      traceIds.push(currentContext()?.traceId);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      await ended.promise;
      throw new Error("cut short");
    },
  });
  let isStopped = false;
  const stopped = supervisor.stop().then(() => {
    isStopped = true;
  });
  await setImmediate();
  assert.equal(isStopped, false);
  ended.resolve();
  await stopped;
  clock.advance(1000);
  assert.equal(traceIds.length, 1);
  assert.match(traceIds[0] ?? "", /^[0-9a-f]{32}$/);
  assert.equal(clock.countTimers(), 0);
  assert.deepEqual(logLines, [], "an end that was asked for is no failure");
});

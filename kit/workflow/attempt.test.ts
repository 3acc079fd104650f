import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { silentLog } from "../testing/postgres.ts";
import { type AttemptOptions, attempt } from "./attempt.ts";

const busy = () => Promise.reject(new Failure(kitFailures.unavailable, { service: "bank" }));
const refused = () => Promise.reject(new Failure(kitFailures.canceled));

function tryStep(options: Partial<AttemptOptions>) {
  const clock = createFakeClock();
  const stopping = new AbortController();
  const random = createRandom(clock, (size) => Buffer.alloc(size, 255));
  const ended = attempt(
    { clock, random, log: silentLog, stopping: stopping.signal },
    {
      step: "pay",
      retry: { maxAttempts: 4, minDelayMs: 100, maxDelayMs: 300 },
      always: false,
      timeoutMs: 1_000,
      check: async () => {},
      run: () => {},
      ...options,
    },
  );
  return { ended, clock, stopping };
}

/** Lets everything that waits for nothing but promises go as far as it can. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a step is tried again after doubling waits up to the longest, then its last failure is told", async () => {
  const triedMs: number[] = [];
  const { ended, clock } = tryStep({
    run() {
      triedMs.push(clock.monotonicMs());
      return busy();
    },
  });
  for (let n = 0; n < 60; n++) {
    await settle();
    clock.advance(10);
  }
  const failed = await ended;
  assert.deepEqual(triedMs, [0, 100, 300, 600]);
  assert.equal(!failed.ok && failed.failure.code, "kit.unavailable");
});

test("a refusal is final for a step and not for an undo", async () => {
  let tries = 0;
  const run = () => (++tries < 3 ? refused() : "undone");
  assert.equal((await tryStep({ run }).ended).ok, false);
  assert.equal(tries, 1);
  const undo = tryStep({ run, always: true });
  await settle();
  undo.clock.advance(1_000);
  assert.deepEqual(await undo.ended, { ok: true, result: "undone", tries: 2 });
});

test("a step that hangs is ended at its limit, and told so by its signal", async () => {
  let reason: unknown;
  const { ended, clock } = tryStep({
    retry: { maxAttempts: 1, minDelayMs: 1, maxDelayMs: 1 },
    run: (_tries, signal) =>
      new Promise(() => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
      }),
  });
  await settle();
  clock.advance(1_000);
  const failed = await ended;
  assert.equal(!failed.ok && failed.failure.code, "workflow.step_timed_out");
  assert.ok(reason instanceof Failure);
});

test("a process that stops does not call a step failed: the attempt ends without a result", async () => {
  const { ended, stopping } = tryStep({ run: busy });
  await settle();
  stopping.abort(new Error("stopping"));
  await assert.rejects(ended, { message: "stopping" });
});

test("what is no Failure is told without its text, for that may hold a secret", async () => {
  const { ended, clock } = tryStep({
    retry: { maxAttempts: 1, minDelayMs: 1, maxDelayMs: 1 },
    run: () => Promise.reject(new Error("password=hunter2")),
  });
  await settle();
  clock.advance(1);
  assert.doesNotMatch(JSON.stringify(await ended), /hunter2/);
});

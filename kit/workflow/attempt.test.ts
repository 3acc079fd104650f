import assert from "node:assert/strict";
import { test } from "node:test";
import { serialize } from "node:v8";
import { pino } from "pino";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { type AttemptOptions, attempt, checkPayload } from "./attempt.ts";
import { workflowFailures } from "./workflow-failures.ts";

const busy = () => Promise.reject(new Failure(kitFailures.unavailable, { service: "bank" }));
const refused = () => Promise.reject(new Failure(kitFailures.canceled));

const once = { maxAttempts: 1, minDelayMs: 1, maxDelayMs: 1 };

function tryStep(options: Partial<AttemptOptions>) {
  const clock = createFakeClock();
  const stopping = new AbortController();
  const logged: Readonly<Record<string, unknown>>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line) => void logged.push(JSON.parse(line)) });
  const random = createRandom(clock, (size) => Buffer.alloc(size, 255));
  const ended = attempt(
    { clock, random, log, stopping: stopping.signal },
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
  return { ended, clock, stopping, logged };
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
    retry: once,
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
  const text = "pay did not end within 1000 ms.";
  assert.deepEqual(failed, { ok: false, failure: { step: "pay", code: "workflow.step_timed_out", text }, tries: 1 });
  assert.ok(isFailure(reason, workflowFailures.step_timed_out));
  assert.equal(clock.countTimers(), 0);
});

test("a process that stops does not call a step failed: the attempt ends without a result", async () => {
  const { ended, stopping } = tryStep({ run: busy });
  await settle();
  stopping.abort(new Error("stopping"));
  await assert.rejects(ended, { message: "stopping" });
});

test("what is no Failure is told without its text, for that may hold a secret", async () => {
  const { ended, clock } = tryStep({
    retry: once,
    run: () => Promise.reject(new Error("password=hunter2")),
  });
  await settle();
  clock.advance(1);
  assert.doesNotMatch(JSON.stringify(await ended), /hunter2/);
});

test("a try that is over leaves no timer, and tells by its signal whatever it has left running", async () => {
  const signals: AbortSignal[] = [];
  const { ended, clock } = tryStep({ run: (_tries, signal) => signals.push(signal) });
  assert.deepEqual(await ended, { ok: true, result: 1, tries: 1 });
  assert.deepEqual([signals[0]?.aborted, clock.countTimers()], [true, 0]);
});

test("a step that must not be tried ends with the reason, and is not tried", async () => {
  let tries = 0;
  const { ended } = tryStep({ check: () => refused(), run: () => ++tries });
  const text = new Failure(kitFailures.canceled).message;
  assert.deepEqual(await ended, { ok: false, failure: { step: "pay", code: "kit.canceled", text }, tries: 0 });
  assert.equal(tries, 0);
});

test("whether it may be tried is asked before each try", async () => {
  let asked = 0;
  const { ended, clock } = tryStep({ check: async () => void (++asked === 2 && (await refused())), run: busy });
  await settle();
  clock.advance(1_000);
  const failed = await ended;
  assert.deepEqual([asked, !failed.ok && failed.failure.code], [2, "kit.canceled"]);
});

test("a process that stops calls nothing failed: neither a question that it cut short nor a last try", async () => {
  for (const part of ["check", "run"] as const) {
    const work = Promise.withResolvers<never>();
    const { ended, stopping } = tryStep({ retry: once, [part]: () => work.promise });
    await settle();
    stopping.abort(new Error("stopping"));
    work.reject(new Error("cut short"));
    await assert.rejects(ended, { message: "stopping" });
  }
});

test("each try that failed is logged with its number and its error", async () => {
  const { ended, clock, logged } = tryStep({ retry: { ...once, maxAttempts: 2 }, run: busy });
  await settle();
  clock.advance(1);
  await ended;
  const said = logged.map(({ msg, step, attempt: tries }) => [msg, step, tries]);
  const words = "a step of a workflow failed";
  assert.deepEqual(said, [
    [words, "pay", 1],
    [words, "pay", 2],
  ]);
  assert.match(JSON.stringify(logged[0]?.["err"]), /bank/);
});

test("what a step gives is plain data of at most 256 KiB", async () => {
  const envelopeBytes = serialize("x".repeat(200_000)).byteLength - 200_000;
  const largest = "x".repeat(262_144 - envelopeBytes);
  assert.deepEqual(await tryStep({ run: () => largest }).ended, { ok: true, result: largest, tries: 1 });
  const isTooLarge = (err: unknown) =>
    isFailure(err, workflowFailures.payload_too_large) &&
    err.details["name"] === "pay" &&
    err.details["limitBytes"] === 262_144;
  assert.throws(
    () => checkPayload("pay", `${largest}x`),
    (err) => isTooLarge(err) && (err as Error).cause === undefined,
  );
  assert.throws(
    () => checkPayload("pay", () => {}),
    (err) => isTooLarge(err) && (err as Error).cause instanceof Error,
  );
  const failed = await tryStep({ run: () => `${largest}x` }).ended;
  assert.equal(!failed.ok && failed.failure.code, "workflow.payload_too_large");
});

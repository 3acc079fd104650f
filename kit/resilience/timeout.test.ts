import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { withTimeout } from "./timeout.ts";

const silence = () => new Promise<never>(() => {});

test("a call that ends in time gives its result, or its error, and leaves no timer and no listener", async () => {
  const clock = createFakeClock();
  const { signal } = new AbortController();
  assert.equal(await withTimeout(clock, 100, signal, async () => "well"), "well");
  const bad = new Error("bad");
  await assert.rejects(
    withTimeout(clock, 100, signal, () => Promise.reject(bad)),
    bad,
  );
  const thrown = withTimeout(clock, 100, signal, () => {
    throw bad;
  });
  await assert.rejects(thrown, bad);
  assert.equal(clock.countTimers(), 0);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a call that does not listen is given up on time all the same", async () => {
  const clock = createFakeClock();
  let inner: AbortSignal | undefined;
  const call = withTimeout(clock, 100, undefined, (signal) => {
    inner = signal;
    return silence();
  });
  clock.advance(99);
  assert.equal(inner?.aborted, false);
  clock.advance(1);
  await assert.rejects(
    call,
    (err) => isFailure(err, kitFailures.deadline_exceeded) && err.details["timeoutMs"] === 100,
  );
  assert.equal(inner?.aborted, true);
  assert.equal(inner?.reason.type.code, kitFailures.deadline_exceeded.code);
});

test("what is left of a deadline is told in whole milliseconds", async () => {
  const clock = createFakeClock();
  const call = withTimeout(clock, 37.2, undefined, silence);
  clock.advance(37.2);
  await assert.rejects(call, (err) => isFailure(err) && err.details["timeoutMs"] === 38);
});

test("a call that rejects on its abort does not hide why it was given up", async () => {
  const clock = createFakeClock();
  const call = withTimeout(clock, 100, undefined, (signal) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(new Error("socket closed")));
    return promise;
  });
  clock.advance(100);
  await assert.rejects(call, (err) => isFailure(err, kitFailures.deadline_exceeded));
});

test("the caller's abort ends the call with the caller's reason, and nothing is left", async () => {
  const clock = createFakeClock();
  const caller = new AbortController();
  const reason = new Error("gone");
  let inner: AbortSignal | undefined;
  const call = withTimeout(clock, 100, caller.signal, (signal) => {
    inner = signal;
    return silence();
  });
  caller.abort(reason);
  await assert.rejects(call, reason);
  assert.equal(inner?.reason, reason);
  assert.equal(clock.countTimers(), 0);
  assert.equal(getEventListeners(caller.signal, "abort").length, 0);
  let isCalled = false;
  const late = withTimeout(clock, 100, caller.signal, async () => {
    isCalled = true;
  });
  await assert.rejects(late, reason);
  assert.equal(isCalled, false);
});

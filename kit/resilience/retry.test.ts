import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type CallContext, currentContext, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders, toContextHeaders } from "../rpc/context-headers.ts";
import type { Random } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { platformDefaults, seedDefaults } from "./presets.ts";
import { createRetry, type RetryCall, type RetryDeps, type RetryEvent, type RetryOptions } from "./retry.ts";
import { createRetryBudget } from "./retry-budget.ts";

const down = (retryAfterMs?: number) => new Failure(kitFailures.unavailable, { service: "peer" }, { retryAfterMs });
const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
const idempotent: RetryCall = { isIdempotent: true };
/** Draws the same fraction each time; a half unless told otherwise. */
const fixed = (fraction: number): Random => ({
  bytes(size) {
    const bytes = Buffer.alloc(size);
    bytes.writeUInt32LE(fraction * 2 ** 32);
    return bytes;
  },
  id: (prefix) => prefix,
});

function start(options: RetryOptions = seedDefaults.retry, given: Partial<RetryDeps> = {}) {
  const clock = createFakeClock();
  const budget = createRetryBudget({ ratio: 1, reserve: 100, windowMs: 10_000 }, { clock });
  const events: RetryEvent[] = [];
  const onRetry = (event: RetryEvent) => {
    events.push(event);
  };
  const retry = createRetry(options, { clock, random: fixed(0.5), budget, onRetry, ...given });
  const attempts: { readonly attempt: number; readonly atMs: number }[] = [];
  /** Ends as `call` does, with all waits passed at once. */
  async function run<T>(call: (attempt: number) => Promise<T>, how?: RetryCall): Promise<T> {
    let isOver = false;
    const running = retry
      .run((attempt) => {
        attempts.push({ attempt, atMs: clock.monotonicMs() });
        return call(attempt);
      }, how)
      .finally(() => {
        isOver = true;
      });
    running.catch(() => {});
    while (!isOver) {
      await setImmediate();
      clock.advance(events.at(-1)?.delayMs ?? 0);
    }
    return running;
  }
  return { clock, budget, retry, run, attempts, delays: () => events.map(({ delayMs }) => delayMs), events };
}

test("seedDefaults are the values of row S2.2: 3 retries, 100 ms to 10 s, ×2, with jitter", () => {
  assert.deepEqual(seedDefaults.retry, { maxRetries: 3, baseDelayMs: 100, maxDelayMs: 10_000, factor: 2 });
});

test("the platform's own: 3 tries, 100 ms ×2 up to 2 s", () => {
  assert.deepEqual(platformDefaults.retry, { maxRetries: 2, baseDelayMs: 100, maxDelayMs: 2_000, factor: 2 });
});

test("a call that goes well is made once", async () => {
  const { retry, run, attempts } = start();
  assert.equal(await run(async () => "well", idempotent), "well");
  assert.deepEqual(attempts, [{ attempt: 0, atMs: 0 }]);
  assert.deepEqual(retry.stats(), { attempts: 1, retries: 0, refusedByBudget: 0 });
});

test("a call that fails three times and then goes well gives its result, and each repeat is told", async () => {
  const { retry, run, attempts, events } = start();
  const err = down();
  const call = async (attempt: number) => {
    if (attempt < 3) throw err;
    return "well";
  };
  assert.equal(await run(call, idempotent), "well");
  assert.deepEqual(events, [
    { attempt: 1, delayMs: 50, err },
    { attempt: 2, delayMs: 100, err },
    { attempt: 3, delayMs: 200, err },
  ]);
  assert.deepEqual(
    attempts.map(({ attempt }) => attempt),
    [0, 1, 2, 3],
  );
  assert.deepEqual(retry.stats(), { attempts: 4, retries: 3, refusedByBudget: 0 });
});

test("after the last retry the last error is the answer", async () => {
  const { run, attempts } = start();
  const errors = [down(), down(), down(), down()];
  await assert.rejects(
    run((attempt) => Promise.reject(errors[attempt]), idempotent),
    (err) => err === errors[3],
  );
  assert.equal(attempts.length, 4);
});

test("waits are drawn from nothing to the limit, which doubles up to its own limit", async () => {
  const options = { ...seedDefaults.retry, maxRetries: 9 };
  const most = start(options, { random: fixed(255 / 256) });
  await assert.rejects(most.run(() => Promise.reject(down()), idempotent));
  const limits = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000];
  assert.equal(most.delays().length, 9);
  for (const [index, delayMs] of most.delays().entries()) {
    const limit = limits[index] ?? 0;
    assert.ok(delayMs < limit && delayMs > limit * 0.99, `${delayMs} of ${limit}`);
  }
  const least = start(options, { random: fixed(0) });
  await assert.rejects(least.run(() => Promise.reject(down()), idempotent));
  assert.deepEqual(least.delays(), Array(9).fill(0));
});

test("all 32 bits of the draw count, so that two clients do not wait the same", async () => {
  const bytes = Buffer.from([1, 0, 0, 128]);
  const { run, delays } = start(
    { ...seedDefaults.retry, maxRetries: 1 },
    { random: { ...fixed(0), bytes: () => bytes } },
  );
  await assert.rejects(run(() => Promise.reject(down()), idempotent));
  assert.deepEqual(delays(), [((2 ** 31 + 1) / 2 ** 32) * 100]);
});

test("what may do something twice is repeated only when it was certainly not sent", async () => {
  const unsafe = start();
  await assert.rejects(unsafe.run(() => Promise.reject(down())));
  await assert.rejects(unsafe.run(() => Promise.reject(down()), { isIdempotent: false }));
  assert.equal(unsafe.attempts.length, 2);
  const unsent = start();
  await assert.rejects(unsent.run(() => Promise.reject(new TypeError("fetch failed", { cause: refused }))));
  assert.equal(unsent.attempts.length, 4);
});

test("a condition of one's own decides, and is told whether the call may be repeated", async () => {
  const asked: boolean[] = [];
  const condition = (_err: unknown, isIdempotent: boolean) => {
    asked.push(isIdempotent);
    return asked.length < 2;
  };
  const { run, attempts } = start(seedDefaults.retry, { condition });
  await assert.rejects(run(() => Promise.reject(new Failure(kitFailures.not_found))));
  assert.deepEqual(asked, [false, false]);
  assert.equal(attempts.length, 2);
  await assert.rejects(run(() => Promise.reject(down()), idempotent));
  assert.deepEqual(asked, [false, false, true]);
});

test("what the peer asks to wait is waited for before the jitter; more than the limit is for the caller to wait", async () => {
  const asked = start();
  await assert.rejects(asked.run(() => Promise.reject(down(10_000)), idempotent));
  assert.deepEqual(asked.delays(), [10_050, 10_100, 10_200]);
  const tooLong = start();
  await assert.rejects(
    tooLong.run(() => Promise.reject(down(10_001)), idempotent),
    (err) => isFailure(err) && err.retryAfterMs === 10_001,
  );
  assert.equal(tooLong.attempts.length, 1);
});

test("no attempt begins at or after the deadline: the call's own, or that of its context", async () => {
  const own = start();
  await assert.rejects(own.run(() => Promise.reject(down()), { ...idempotent, deadlineMs: 150 }));
  assert.deepEqual(
    own.attempts.map(({ atMs }) => atMs),
    [0, 50],
  );
  const later = start();
  await assert.rejects(later.run(() => Promise.reject(down()), { ...idempotent, deadlineMs: 150.5 }));
  assert.deepEqual(
    later.attempts.map(({ atMs }) => atMs),
    [0, 50, 150],
  );
  const { run, attempts, clock } = start();
  const context: CallContext = { ...fromContextHeaders(() => undefined, clock), deadlineMs: 50 };
  const far = { ...idempotent, deadlineMs: 1e9 };
  await assert.rejects(runInContext(context, () => run(() => Promise.reject(down()), far)));
  assert.equal(attempts.length, 1);
});

test("a caller who leaves ends the waiting; an abort during an attempt is not followed by another", async () => {
  const { clock, retry } = start();
  const reason = new Error("gone");
  const caller = new AbortController();
  const waiting = retry.run(() => Promise.reject(down()), { ...idempotent, signal: caller.signal });
  await setImmediate();
  caller.abort(reason);
  await assert.rejects(waiting, reason);
  assert.equal(clock.countTimers(), 0);

  const err = down();
  let attempts = 0;
  const aborting = new AbortController();
  const call = () => {
    attempts++;
    aborting.abort(reason);
    return Promise.reject(err);
  };
  await assert.rejects(retry.run(call, { ...idempotent, signal: aborting.signal }), (thrown) => thrown === err);
  assert.equal(attempts, 1);
});

test("only one layer repeats, in this process and behind a peer: 4 attempts where two layers would make 16", async () => {
  const outer = start();
  const inner = createRetry(seedDefaults.retry, { clock: outer.clock, random: fixed(0), budget: outer.budget });
  const seen: (number | undefined)[] = [];
  const call = () => {
    // What a peer reads from the headers of this call.
    const headers = toContextHeaders(currentContext() ?? assert.fail(), outer.clock);
    const peer = fromContextHeaders((name) => headers[name], outer.clock);
    return runInContext(peer, () =>
      inner.run((attempt) => {
        assert.equal(attempt, 0);
        seen.push(currentContext()?.retryAttempt);
        return Promise.reject(down());
      }, idempotent),
    );
  };
  const context = fromContextHeaders(() => undefined, outer.clock);
  await assert.rejects(runInContext(context, () => outer.run(call, idempotent)));
  assert.deepEqual(seen, [0, 1, 2, 3]);
  assert.deepEqual(inner.stats(), { attempts: 4, retries: 0, refusedByBudget: 0 });
});

test("a retry of none leaves the repeats to the layers inside", async () => {
  const none = createRetry({ ...seedDefaults.retry, maxRetries: 0 }, { ...start(), random: fixed(0) });
  const inner = start();
  const context = fromContextHeaders(() => undefined, inner.clock);
  const call = () => inner.run(() => Promise.reject(down()), idempotent);
  await assert.rejects(runInContext(context, () => none.run(call, idempotent)));
  assert.equal(inner.attempts.length, 4);
  assert.deepEqual(none.stats(), { attempts: 1, retries: 0, refusedByBudget: 0 });
});

test("the rest of the context stays as it was, and outside any context there is none", async () => {
  const { run, clock } = start();
  const context = fromContextHeaders(() => undefined, clock);
  await runInContext(context, () =>
    run(async () => assert.deepEqual(currentContext(), { ...context, retryAttempt: 0 }), idempotent),
  );
  await run(async () => assert.equal(currentContext(), undefined));
});

test("a spent budget allows no repeat; requests and successes fill it again", async () => {
  const { clock } = start();
  const budget = createRetryBudget({ ratio: 0.5, reserve: 1, windowMs: 10_000 }, { clock });
  const { run, retry } = start(seedDefaults.retry, { budget });
  const fail = () => run(() => Promise.reject(down()), idempotent);
  await assert.rejects(fail());
  assert.deepEqual(retry.stats(), { attempts: 2, retries: 1, refusedByBudget: 1 });
  await assert.rejects(fail());
  assert.deepEqual(retry.stats(), { attempts: 4, retries: 2, refusedByBudget: 2 });
  clock.advance(10_000);
  assert.equal(budget.balanceMilli(), 0);
  await run(async () => "well", idempotent);
  assert.equal(budget.balanceMilli(), 1_500);
});

test("R2: with every call failing, attempts stay within 1.2 × requests + 3", async () => {
  const { clock } = start();
  const budget = createRetryBudget({ ...platformDefaults.retryBudget, ratio: 0.2 }, { clock });
  const { run, retry } = start({ ...seedDefaults.retry, baseDelayMs: 1, maxDelayMs: 2 }, { budget });
  for (let requests = 1; requests <= 2_000; requests++) {
    await assert.rejects(run(() => Promise.reject(down()), idempotent));
    clock.advance(2);
    assert.ok(retry.stats().attempts <= 1.2 * requests + 3);
  }
  assert.ok(retry.stats().attempts >= 1.19 * 2_000);
});

test("nobody has to be told of a repeat", async () => {
  const { run, attempts } = start({ ...seedDefaults.retry, baseDelayMs: 0 }, { onRetry: undefined });
  await assert.rejects(run(() => Promise.reject(down()), idempotent));
  assert.equal(attempts.length, 4);
});

test("new limits hold for what begins afterwards", async () => {
  const { retry, run, attempts } = start();
  retry.update({ ...seedDefaults.retry, maxRetries: 1 });
  await assert.rejects(run(() => Promise.reject(down()), idempotent));
  assert.equal(attempts.length, 2);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createPolicy } from "./policy.ts";
import { type PolicyConfig, policySchema } from "./policy-config.ts";
import { resilienceFailures } from "./resilience-failures.ts";

function start(config: PolicyConfig) {
  const clock = createFakeClock();
  const policy = createPolicy("peer", policySchema.parse(config), { clock, random: createRandom(clock) });
  return { clock, policy };
}

const broken = () => Promise.reject(new Failure(kitFailures.unavailable, { service: "peer" }));

/** Rejects as soon as the signal aborts, as a good client does. */
function silence({ signal }: AbortController): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}

test("an open call keeps its place until it is ended, however often that is said", async () => {
  const { policy } = start({ bulkhead: { maxConcurrent: 1, maxQueue: 0 } });
  const open = () => policy.open(async () => "head", new AbortController());
  const { answer, end } = await open();
  assert.equal(answer, "head");
  await assert.rejects(open(), (err) => isFailure(err, resilienceFailures.bulkhead_full));
  end();
  end();
  assert.equal(policy.stats().bulkhead?.inFlight, 0);
  (await open()).end();
});

test("the breaker judges how the answer begins, and refuses before a place is lost", async () => {
  const { policy } = start({ breaker: { trip: { kind: "consecutive", maxFailures: 2 } }, bulkhead: {} });
  for (let i = 0; i < 2; i++) await assert.rejects(policy.open(broken, new AbortController()));
  const isOpen = (err: unknown) => isFailure(err, resilienceFailures.circuit_open) && err.retryAfterMs === 15_000;
  await assert.rejects(
    policy.open(async () => "head", new AbortController()),
    isOpen,
  );
  assert.throws(() => policy.breaker()?.throwIfOpen(), isOpen);
  assert.equal(policy.stats().bulkhead?.inFlight, 0);
});

test("asking whether a breaker is open takes no probe, and asks nothing of a closed one", () => {
  const { policy, clock } = start({
    breaker: { trip: { kind: "consecutive", maxFailures: 1 }, probes: 1, successesToClose: 1 },
  });
  const breaker = policy.breaker();
  assert.ok(breaker);
  breaker.throwIfOpen();
  breaker.leave(breaker.enter(), "failure", breaker.startMs());
  assert.throws(() => breaker.throwIfOpen());
  clock.advance(15_000);
  for (let i = 0; i < 5; i++) breaker.throwIfOpen();
  breaker.enter();
  assert.throws(() => breaker.enter());
  breaker.forceOpen();
  clock.advance(1_000_000);
  assert.throws(() => breaker.throwIfOpen());
});

test("the limit of the attempt ends with the beginning, the limit of the whole with the end", async () => {
  const { policy, clock } = start({ timeoutMs: 1_000, attemptTimeoutMs: 100 });
  const long = new AbortController();
  await policy.open(async () => "head", long);
  clock.advance(999);
  assert.equal(long.signal.aborted, false);
  clock.advance(1);
  assert.ok(isFailure(long.signal.reason, kitFailures.deadline_exceeded));

  const short = new AbortController();
  const { end } = await policy.open(async () => "head", short);
  end();
  assert.equal(clock.countTimers(), 0);

  const late = new AbortController();
  const refused = assert.rejects(
    policy.open(() => silence(late), late),
    (err) => isFailure(err, kitFailures.deadline_exceeded) && err.details["timeoutMs"] === 100,
  );
  clock.advance(100);
  await refused;
  assert.equal(clock.countTimers(), 0);
});

test("a caller who leaves while waiting for a place, or for the beginning, leaves nothing behind", async () => {
  const { policy, clock } = start({ timeoutMs: 1_000, bulkhead: { maxConcurrent: 1 }, breaker: {} });
  const first = new AbortController();
  const begun = policy.open(() => silence(first), first);
  const second = new AbortController();
  const waiting = policy.open(async () => "head", second);
  await setImmediate();
  const reason = new Error("gone");
  second.abort(reason);
  await assert.rejects(waiting, reason);
  first.abort(reason);
  await assert.rejects(begun, reason);
  assert.deepEqual(policy.stats().bulkhead, { inFlight: 0, queued: 0, refused: 0 });
  assert.equal(clock.countTimers(), 0);
});

test("only what was certainly not sent is made again, each time with a place of its own", async () => {
  const { policy, clock } = start({ retry: { baseDelayMs: 1 }, bulkhead: { maxConcurrent: 1, maxQueue: 0 } });
  const attempts: number[] = [];
  const unsent = new Error("refused", { cause: Object.assign(new Error(), { code: "ECONNREFUSED" }) });
  const opening = policy.open(async (attempt) => {
    attempts.push(attempt);
    if (attempt === 0) throw unsent;
    return "head";
  }, new AbortController());
  await setImmediate();
  clock.advance(1);
  (await opening).end();
  assert.deepEqual(attempts, [0, 1]);

  let calls = 0;
  const sent = policy.open(() => {
    calls++;
    return broken();
  }, new AbortController());
  await assert.rejects(sent);
  assert.equal(calls, 1);
});

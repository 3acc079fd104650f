import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Registry } from "prom-client";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { registerPolicyMetrics } from "./metrics.ts";
import { definePolicies, type PoliciesConfig } from "./policies.ts";
import { policiesSchema } from "./policy-config.ts";
import { platformDefaults, seedDefaults } from "./presets.ts";
import { resilienceFailures } from "./resilience-failures.ts";

const down = () => Promise.reject(new Failure(kitFailures.unavailable, { service: "peer" }));
const silence = () => new Promise<never>(() => {});
const idempotent = { isIdempotent: true };

function start(config: PoliciesConfig) {
  const clock = createFakeClock();
  const told: string[] = [];
  const policies = definePolicies(config, {
    clock,
    random: createRandom(clock),
    onBreakerChange: (policy, { to }) => told.push(`${policy} ${to}`),
    onRetry: (policy, { attempt }) => told.push(`${policy} retry ${attempt}`),
  });
  return { clock, policies, told, peer: policies.get("peer") };
}

test("parts that are named without values have the platform's", () => {
  const parsed = policiesSchema.parse({ peer: { retry: {}, bulkhead: {}, breaker: {} } });
  assert.deepEqual(parsed["peer"], platformDefaults);
});

test("every call has a signal, and a policy of nothing just calls", async () => {
  const { peer } = start({ peer: {} });
  assert.equal(await peer.run(async (signal, attempt) => `${signal.aborted} ${attempt}`), "false 0");
  const { signal } = new AbortController();
  assert.equal(await peer.run(async (given) => given === signal, { signal }), true);
  assert.deepEqual(peer.stats(), { calls: 2, retry: undefined, bulkhead: undefined, breaker: undefined });
});

test("the limit of an attempt ends it and the next begins; the limit of the call ends it all", async () => {
  const { peer, clock, told } = start({ peer: { timeoutMs: 1_000, attemptTimeoutMs: 400, retry: { baseDelayMs: 1 } } });
  const signals: AbortSignal[] = [];
  const call = peer.run((signal) => {
    signals.push(signal);
    return silence();
  }, idempotent);
  for (const stepMs of [400, 2, 400, 4, 193]) {
    clock.advance(stepMs);
    await setImmediate();
  }
  assert.equal(signals.length, 3);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true, false],
  );
  clock.advance(1);
  await assert.rejects(
    call,
    (err) => isFailure(err, kitFailures.deadline_exceeded) && err.details["timeoutMs"] === 1_000,
  );
  assert.equal(signals[2]?.aborted, true);
  assert.deepEqual(told, ["peer retry 1", "peer retry 2"]);
  assert.equal(clock.countTimers(), 0);
});

test("the deadline of the call context is a limit too, and once it has passed nothing is called", async () => {
  for (const timeouts of [{}, { timeoutMs: 5_000 }]) {
    const { peer, clock } = start({ peer: timeouts });
    const context = { ...fromContextHeaders(() => undefined, clock), deadlineMs: 100 };
    const call = runInContext(context, () => peer.run(silence));
    clock.advance(100);
    const expired = (err: unknown) => isFailure(err, kitFailures.deadline_exceeded);
    await assert.rejects(call, expired);
    let calls = 0;
    const late = runInContext(context, () =>
      peer.run(async () => {
        calls++;
      }),
    );
    await assert.rejects(late, expired);
    assert.equal(calls, 0);
  }
});

test("a deadline that lies further ahead than a timer reaches does not end the call at once", async () => {
  const clock = createFakeClock();
  let setMs: number | undefined;
  const setTimer = (delayMs: number) => {
    setMs = delayMs;
    return () => {};
  };
  const watched = { ...clock, setTimer };
  const policies = definePolicies({ peer: {} }, { clock: watched, random: createRandom(clock) });
  const context = { ...fromContextHeaders(() => undefined, clock), deadlineMs: 1e12 };
  await runInContext(context, () => policies.get("peer").run(async () => "well"));
  assert.equal(setMs, 86_400_000);
});

test("a peer that hangs opens the breaker although every caller has left by its own deadline", async () => {
  const { peer, clock } = start({ peer: { timeoutMs: 100, breaker: seedDefaults.breaker } });
  for (let i = 0; i < 5; i++) {
    const call = peer.run((signal) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => reject(signal.reason));
      return promise;
    });
    clock.advance(100);
    await assert.rejects(call);
  }
  await setImmediate();
  assert.equal(peer.stats().breaker?.state, "open");
});

test("each attempt passes the breaker, a refused one is not sent, and its wait is left to the caller", async () => {
  const { peer, clock, told } = start({ peer: { retry: { maxRetries: 10 }, breaker: seedDefaults.breaker } });
  let calls = 0;
  const call = peer.run(() => {
    calls++;
    return down();
  }, idempotent);
  call.catch(() => {});
  for (let i = 0; i < 10; i++) {
    await setImmediate();
    clock.advance(2_000);
  }
  await assert.rejects(call);
  await assert.rejects(peer.run(down, idempotent));
  await assert.rejects(peer.run(down, idempotent), (err) => isFailure(err, resilienceFailures.circuit_open));
  assert.equal(calls, 4, "3 in reserve");
  assert.ok(told.includes("peer open"));
});

test("an answer that says no, and a call that takes too long, are told apart by the breaker of a policy too", async () => {
  const { peer, clock } = start({ peer: { breaker: { ...seedDefaults.breaker, slowCallMs: 1_000 } } });
  for (let i = 0; i < 5; i++) {
    await assert.rejects(peer.run(() => Promise.reject(new Failure(kitFailures.permission_denied))));
  }
  assert.equal(peer.stats().breaker?.state, "closed");
  for (let i = 0; i < 5; i++) await peer.run(async () => clock.advance(1_000));
  assert.equal(peer.stats().breaker?.state, "open");
});

test("a full bulkhead refuses before the breaker, and is not repeated", async () => {
  const { peer } = start({
    peer: { retry: {}, bulkhead: { maxConcurrent: 1, maxQueue: 0 }, breaker: seedDefaults.breaker },
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = peer.run(() => promise);
  for (let i = 0; i < 6; i++) {
    await assert.rejects(peer.run(down, idempotent), (err) => isFailure(err, resilienceFailures.bulkhead_full));
  }
  resolve("well");
  assert.equal(await first, "well");
  const { retry, bulkhead, breaker } = peer.stats();
  assert.deepEqual([retry?.retries, bulkhead, breaker?.state], [0, { inFlight: 0, queued: 0, refused: 6 }, "closed"]);
});

test("a queued call goes through when there is a place, and gives it back", async () => {
  const { peer } = start({ peer: { bulkhead: { maxConcurrent: 1, maxQueue: 1 } } });
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = peer.run(() => promise);
  const second = peer.run(async () => "second");
  resolve("first");
  assert.deepEqual(await Promise.all([first, second]), ["first", "second"]);
  assert.equal(peer.stats().bulkhead?.inFlight, 0);
});

test("new configuration keeps the breaker of a name that stays, and the object that callers hold", async () => {
  const breaker = seedDefaults.breaker;
  const { policies, peer } = start({ peer: { breaker }, gone: {} });
  for (let i = 0; i < 5; i++) await assert.rejects(peer.run(down));
  const gone = policies.get("gone");
  policies.update({ peer: { breaker: { ...breaker, probes: 5 }, bulkhead: {}, timeoutMs: 10 }, fresh: {} });
  assert.equal(policies.get("peer"), peer);
  assert.equal(peer.stats().breaker?.state, "open");
  assert.deepEqual(peer.stats().bulkhead, { inFlight: 0, queued: 0, refused: 0 });
  assert.throws(() => policies.get("gone"), RangeError);
  assert.equal(await gone.run(async () => "still served"), "still served");
  assert.deepEqual([...policies.stats().keys()], ["peer", "fresh"]);
  peer.breaker()?.reset();
  assert.equal(peer.stats().breaker?.state, "closed");
  policies.update({ peer: {} });
  assert.equal(peer.breaker(), undefined);
});

test("configuration that is not valid changes nothing, and names the key", () => {
  const { policies, peer } = start({ peer: { breaker: seedDefaults.breaker } });
  const bad: readonly [string, unknown][] = [
    ["peer.breaker.successesToClose", { peer: { breaker: { probes: 1, successesToClose: 2 } } }],
    ["peer.breaker.maxOpenMs", { peer: { breaker: { openMs: 2_000, maxOpenMs: 1_000 } } }],
    ["peer.retry.maxRetries", { peer: { retry: { maxRetries: 21 } } }],
    ["peer.bulkhead.maxConcurrent", { peer: { bulkhead: { maxConcurrent: 0 } } }],
    ["peer", { peer: { retries: 3 } }],
    ["Peer!", { "Peer!": {} }],
    ["", Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`p${index}`, {}]))],
  ];
  for (const [path, config] of bad) {
    const isNamed = (err: { issues?: { path: string[] }[] }) => err.issues?.[0]?.path.join(".") === path;
    assert.throws(() => policies.update(config as PoliciesConfig), isNamed, path);
  }
  assert.equal(policies.get("peer"), peer);
  assert.equal(peer.stats().breaker?.state, "closed");
});

test("ten thousand calls leave no timer and no listener behind", async () => {
  const { peer, clock } = start({
    peer: { timeoutMs: 1_000, attemptTimeoutMs: 100, retry: {}, bulkhead: {}, breaker: {} },
  });
  const { signal } = new AbortController();
  for (let i = 0; i < 10_000; i++) await peer.run(async () => "well", { signal });
  assert.equal(clock.countTimers(), 0);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("whatever a peer and its callers do, every call ends, limits hold, and nothing is left behind", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const seeded = createSeeded(seed);
    const maxConcurrent = seeded.between(1, 5);
    const { peer, clock } = start({
      peer: {
        timeoutMs: 2_000,
        attemptTimeoutMs: 300,
        retry: { maxDelayMs: 400 },
        bulkhead: { maxConcurrent, maxQueue: 10, maxQueueMs: 500 },
        breaker: { ...seedDefaults.breaker, openMs: 1_000, maxOpenMs: 1_000 },
      },
    });
    let underWay = 0;
    let ended = 0;
    const attempt = async () => {
      assert.ok(++underWay <= maxConcurrent, `seed ${seed}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      const durationMs = seeded.between(0, 250);
      clock.setTimer(durationMs, resolve);
      await promise;
      underWay--;
      if (seeded.next() < 0.4) await down();
    };
    for (let i = 0; i < 60; i++) {
      peer.run(attempt, { isIdempotent: seeded.next() < 0.5 }).then(
        () => ended++,
        () => ended++,
      );
      if (seeded.next() < 0.1) peer.breaker()?.reset();
      clock.advance(seeded.between(0, 80));
      await setImmediate();
    }
    for (let i = 0; i < 100; i++) {
      clock.advance(50);
      await setImmediate();
    }
    assert.equal(ended, 60, `seed ${seed}`);
    assert.equal(clock.countTimers(), 0, `seed ${seed}`);
    const { bulkhead, retry } = peer.stats();
    assert.deepEqual([bulkhead?.inFlight, bulkhead?.queued], [0, 0], `seed ${seed}`);
    assert.ok((retry?.attempts ?? 0) <= 1.1 * 60 + 3 + 3, `seed ${seed}`);
  }
});

test("metrics tell state, attempts and places of each policy, without a number in the way of a call", async () => {
  const { policies, peer, clock } = start({ peer: { retry: {}, bulkhead: {}, breaker: {} }, other: {} });
  const registry = new Registry();
  registerPolicyMetrics(registry, policies);
  await peer.run(async () => "well");
  peer.breaker()?.forceOpen();
  await assert.rejects(peer.run(down));
  clock.advance(1);
  const lines = (await registry.metrics()).split("\n");
  for (const line of [
    'resilience_breaker_state{policy="peer",state="open"} 1',
    'resilience_breaker_state{policy="peer",state="closed"} 0',
    'resilience_breaker_opened_total{policy="peer"} 1',
    'resilience_calls_total{policy="peer"} 2',
    'resilience_calls_total{policy="other"} 0',
    'resilience_bulkhead_in_flight{policy="peer"} 0',
    'resilience_bulkhead_refused_total{policy="peer"} 0',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(!lines.some((line) => line.startsWith('resilience_breaker_state{policy="other"')));
});

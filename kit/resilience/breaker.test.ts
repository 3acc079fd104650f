import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { type BreakerChange, type BreakerOptions, createBreaker } from "./breaker.ts";
import { platformDefaults, seedDefaults } from "./presets.ts";
import { resilienceFailures } from "./resilience-failures.ts";

const broken = () => Promise.reject(new Failure(kitFailures.unavailable, { service: "peer" }));
const canceled = () => Promise.reject(new Failure(kitFailures.canceled));
const well = () => Promise.resolve("well");
const circuitOpen = (err: unknown) => isFailure(err, resilienceFailures.circuit_open);

function start(options: BreakerOptions = seedDefaults.breaker) {
  const clock = createFakeClock();
  const changes: string[] = [];
  const onChange = ({ from, to, isForced }: BreakerChange) => {
    changes.push(`${from} ${to}${isForced ? " forced" : ""}`);
  };
  const breaker = createBreaker(options, { clock, name: "peer", onChange });
  return {
    clock,
    changes,
    breaker,
    state: () => breaker.stats().state,
    async fail(times: number) {
      for (let i = 0; i < times; i++) await assert.rejects(breaker.run(broken));
    },
    async succeed(times: number) {
      for (let i = 0; i < times; i++) assert.equal(await breaker.run(well), "well");
    },
  };
}

test("seedDefaults are the values of row S2.1", () => {
  assert.deepEqual(seedDefaults.breaker, {
    trip: { kind: "consecutive", maxFailures: 5 },
    openMs: 60_000,
    maxOpenMs: 60_000,
    probes: 3,
    successesToClose: 2,
  });
});

test("the platform's own: half of at least 20 calls in 30 s, open 15 s to 2 min, 3 probes", () => {
  assert.deepEqual(platformDefaults.breaker, {
    trip: { kind: "ratio", windowMs: 30_000, minCalls: 20, failureRatio: 0.5 },
    openMs: 15_000,
    maxOpenMs: 120_000,
    probes: 3,
    successesToClose: 3,
  });
});

test("the fifth failure in a row opens, and no call is made for 60 s", async () => {
  const { breaker, clock, changes, state, fail, succeed } = start();
  await fail(4);
  await succeed(1);
  await fail(4);
  assert.equal(state(), "closed");
  await fail(1);
  assert.equal(state(), "open");
  assert.deepEqual(changes, ["closed open"]);

  let calls = 0;
  const counted = () => {
    calls++;
    return well();
  };
  await assert.rejects(breaker.run(counted), (err) => {
    assert.ok(isFailure(err, resilienceFailures.circuit_open));
    assert.equal(err.retryAfterMs, 60_000);
    assert.deepEqual(err.details, { policy: "peer" });
    return true;
  });
  clock.advance(59_999.5);
  await assert.rejects(breaker.run(counted), (err) => isFailure(err) && err.retryAfterMs === 1);
  assert.equal(calls, 0);
  assert.deepEqual(breaker.stats(), { state: "open", isForced: false, refused: 2, opened: 1 });
  clock.advance(0.5);
  await breaker.run(counted);
  assert.equal(calls, 1);
  assert.equal(state(), "half_open");
});

test("two of three probes that succeed close, and what was counted before is forgotten", async () => {
  const { clock, changes, state, fail, succeed } = start();
  await fail(5);
  clock.advance(60_000);
  await succeed(1);
  assert.equal(state(), "half_open");
  await succeed(1);
  assert.equal(state(), "closed");
  assert.deepEqual(changes, ["closed open", "open half_open", "half_open closed"]);
  await fail(4);
  assert.equal(state(), "closed");
  await fail(1);
  assert.equal(state(), "open");
});

test("one probe that fails opens again for as long, and successes before it do not count any more", async () => {
  const { breaker, clock, changes, state, fail, succeed } = start();
  await fail(5);
  clock.advance(60_000);
  await succeed(1);
  await fail(1);
  assert.equal(state(), "open");
  assert.deepEqual(changes.slice(2), ["half_open open"]);
  clock.advance(59_999);
  await assert.rejects(breaker.run(well), circuitOpen);
  clock.advance(1);
  await succeed(1);
  assert.equal(state(), "half_open");
});

test("R7: of a thousand callers that wait, half-open lets through as many as it has probes", async () => {
  const { breaker, clock, fail, state } = start();
  await fail(5);
  clock.advance(60_000);
  const { promise, resolve } = Promise.withResolvers<string>();
  let calls = 0;
  const all = Array.from({ length: 1_000 }, () =>
    breaker.run(() => {
      calls++;
      return promise;
    }),
  );
  resolve("well");
  const ends = await Promise.allSettled(all);
  assert.equal(calls, 3);
  assert.equal(ends.filter((end) => end.status === "rejected" && circuitOpen(end.reason)).length, 997);
  const [refused] = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  assert.equal(refused.retryAfterMs, undefined);
  assert.equal(state(), "closed");
});

test("a probe whose caller left is handed out again", async () => {
  const { breaker, clock, fail, succeed, state } = start();
  await fail(5);
  clock.advance(60_000);
  for (let i = 0; i < 5; i++) await assert.rejects(breaker.run(canceled), (err) => !circuitOpen(err));
  assert.equal(state(), "half_open");
  await succeed(2);
  assert.equal(state(), "closed");
});

test("probes that are never answered open it again when as much time has passed as it was open", async () => {
  const { breaker, clock, changes, fail, state } = start({ ...seedDefaults.breaker, openMs: 1_000, maxOpenMs: 4_000 });
  await fail(5);
  clock.advance(1_000);
  for (let i = 0; i < 3; i++) breaker.enter();
  clock.advance(999);
  assert.throws(() => breaker.enter(), circuitOpen);
  assert.equal(state(), "half_open");
  clock.advance(1);
  assert.throws(
    () => breaker.enter(),
    (err) => isFailure(err) && err.retryAfterMs === 2_000,
  );
  assert.equal(state(), "open");
  assert.deepEqual(changes, ["closed open", "open half_open", "half_open open"]);
  clock.advance(2_000);
  breaker.enter();
  assert.equal(state(), "half_open");
});

test("the open time doubles with each failed probe up to its limit, and begins anew after it has closed", async () => {
  const { breaker, clock, fail, succeed } = start({ ...platformDefaults.breaker, successesToClose: 1 });
  await fail(20);
  for (const openMs of [15_000, 30_000, 60_000, 120_000, 120_000]) {
    clock.advance(openMs - 1);
    await assert.rejects(breaker.run(well), circuitOpen);
    clock.advance(1);
    await fail(1);
  }
  clock.advance(120_000);
  await succeed(1);
  await fail(20);
  await assert.rejects(breaker.run(well), (err) => isFailure(err) && err.retryAfterMs === 15_000);
});

test("a call that began before a change says nothing afterwards", async () => {
  const { breaker, clock, fail, state } = start();
  const early = breaker.enter();
  await fail(5);
  breaker.leave(early, "success", 0);
  assert.equal(state(), "open");
  clock.advance(60_000);
  const probe = breaker.enter();
  breaker.leave(early, "failure", 0);
  assert.equal(state(), "half_open");
  breaker.leave(probe, "failure", 0);
  assert.equal(state(), "open");
});

test("a call that is slow counts as failed, whatever its answer; just below the limit it does not", async () => {
  const options = { ...seedDefaults.breaker, slowCallMs: 1_000 };
  const { breaker, clock, state } = start(options);
  const take = (durationMs: number) =>
    breaker.run(() => {
      clock.advance(durationMs);
      return well();
    });
  for (let i = 0; i < 5; i++) await take(999);
  assert.equal(state(), "closed");
  for (let i = 0; i < 5; i++) await take(1_000);
  assert.equal(state(), "open");

  breaker.reset();
  breaker.update(seedDefaults.breaker);
  for (let i = 0; i < 5; i++) await take(1e9);
  assert.equal(state(), "closed");
  breaker.update(options);
  for (let i = 0; i < 5; i++) await take(1_000);
  assert.equal(state(), "open");
});

test("without a limit for slow calls the longest call is a good one", async () => {
  const { breaker, clock, state } = start();
  clock.advance(1e12);
  for (let i = 0; i < 10; i++) breaker.leave(breaker.enter(), "success", 0);
  assert.equal(state(), "closed");
});

test("what an error says is for the given function to judge", async () => {
  const clock = createFakeClock();
  const breaker = createBreaker(seedDefaults.breaker, { clock, name: "peer", judge: () => "success" });
  for (let i = 0; i < 10; i++) await assert.rejects(breaker.run(broken));
  assert.equal(breaker.stats().state, "closed");
});

test("calls that say nothing are not counted", async () => {
  const { breaker, fail, state } = start();
  await fail(4);
  await assert.rejects(breaker.run(canceled));
  assert.equal(state(), "closed");
  await fail(1);
  assert.equal(state(), "open");
});

test("forced open refuses until reset, however long that is; forced closed lets failures through", async () => {
  const { breaker, clock, changes, state, fail, succeed } = start();
  breaker.forceOpen();
  clock.advance(1e9);
  await assert.rejects(breaker.run(well), (err) => isFailure(err) && err.retryAfterMs === undefined);
  assert.deepEqual(breaker.stats(), { state: "open", isForced: true, refused: 1, opened: 1 });
  breaker.reset();
  assert.deepEqual(breaker.stats(), { state: "closed", isForced: false, refused: 1, opened: 1 });
  await succeed(1);

  await fail(4);
  breaker.forceClosed();
  await fail(10);
  assert.equal(state(), "closed");
  assert.equal(breaker.stats().isForced, true);
  breaker.reset();
  await fail(4);
  assert.equal(state(), "closed");
  await fail(1);
  assert.equal(state(), "open");
  breaker.reset();
  await succeed(1);
  assert.deepEqual(changes, [
    "closed open forced",
    "open closed",
    "closed closed forced",
    "closed closed",
    "closed open",
    "open closed",
  ]);
});

test("new limits keep the state, the open time and, where the rule is the same, what was counted", async () => {
  const { breaker, clock, state, fail } = start();
  await fail(4);
  breaker.update({ ...seedDefaults.breaker, trip: { ...seedDefaults.breaker.trip }, openMs: 10, maxOpenMs: 20 });
  await fail(1);
  assert.equal(state(), "open");
  breaker.update({ ...seedDefaults.breaker, trip: { kind: "consecutive", maxFailures: 2 }, probes: 2 });
  assert.equal(state(), "open");
  clock.advance(9);
  await assert.rejects(breaker.run(well), circuitOpen);
  clock.advance(1);
  breaker.enter();
  breaker.enter();
  assert.throws(() => breaker.enter(), circuitOpen);
  breaker.reset();
  await fail(1);
  breaker.update({ ...seedDefaults.breaker, trip: { kind: "consecutive", maxFailures: 3 } });
  await fail(2);
  assert.equal(state(), "closed", "another rule counts anew");
  await fail(1);
  assert.equal(state(), "open");
});

test("more successes than probes are refused", () => {
  const bad = { ...seedDefaults.breaker, probes: 1, successesToClose: 2 };
  const deps = { clock: createFakeClock(), name: "peer" };
  assert.throws(() => createBreaker(bad, deps), new RangeError("2 successes cannot come from 1 probes"));
  const breaker = createBreaker({ ...bad, probes: 2 }, deps);
  assert.throws(() => breaker.update(bad), RangeError);
});

test("R13: steps of the wall clock open and close nothing", async () => {
  const held = createFakeClock();
  let wallMs = held.nowMs();
  const clock = { ...held, nowMs: () => wallMs };
  const breaker = createBreaker(seedDefaults.breaker, { clock, name: "peer" });
  for (let i = 0; i < 5; i++) await assert.rejects(breaker.run(broken));
  for (const stepMs of [-10_000, 300_000, -300_000, 1_000]) {
    wallMs += stepMs;
    await assert.rejects(breaker.run(well), (err) => isFailure(err) && err.retryAfterMs === 60_000);
  }
  held.advance(60_000);
  assert.equal(await breaker.run(well), "well");
});

test("any sequence of events ends in the state of a plain model", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const seeded = createSeeded(seed);
    const probes = seeded.between(1, 4);
    const options: BreakerOptions = {
      trip: { kind: "consecutive", maxFailures: seeded.between(1, 4) },
      openMs: 100,
      maxOpenMs: 100 * 2 ** seeded.between(0, 3),
      probes,
      successesToClose: seeded.between(1, probes),
    };
    const { breaker, clock } = start(options);
    const model = createModel(options);
    for (let step = 0; step < 100; step++) {
      clock.advance(seeded.between(0, 60));
      const verdict = seeded.next() < 0.6 ? "failure" : "success";
      let isLetIn = true;
      try {
        breaker.leave(breaker.enter(), verdict, 0);
      } catch (err) {
        assert.ok(circuitOpen(err));
        isLetIn = false;
      }
      assert.equal(isLetIn, model.call(verdict === "failure", clock.monotonicMs()), `seed ${seed}, step ${step}`);
      assert.equal(breaker.stats().state, model.state(), `seed ${seed}, step ${step}`);
    }
  }
});

/** The rules as one would write them down, for calls one after the other. */
function createModel({ trip, openMs, maxOpenMs, successesToClose }: BreakerOptions) {
  const limit = trip.kind === "consecutive" ? trip.maxFailures : 0;
  let row: boolean[] = [];
  let failedProbes = 0;
  let openedMs: number | undefined;
  let goodProbes: number | undefined;
  return {
    state: () => (goodProbes !== undefined ? "half_open" : openedMs !== undefined ? "open" : "closed"),
    call(isFailure: boolean, nowMs: number): boolean {
      if (openedMs !== undefined && goodProbes === undefined) {
        if (nowMs - openedMs < Math.min(maxOpenMs, openMs * 2 ** failedProbes)) return false;
        goodProbes = 0;
      }
      if (goodProbes === undefined) {
        row.push(isFailure);
        if (row.length < limit || !row.slice(-limit).every(Boolean)) return true;
        openedMs = nowMs;
      } else if (isFailure) {
        openedMs = nowMs;
        failedProbes++;
        goodProbes = undefined;
      } else if (++goodProbes === successesToClose) {
        row = [];
        openedMs = undefined;
        goodProbes = undefined;
        failedProbes = 0;
      }
      return true;
    },
  };
}

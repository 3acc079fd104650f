import assert from "node:assert/strict";
import { test } from "node:test";
import { createCountHub } from "../testing/count-hub.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { createLimiter } from "./limiter-in-memory.ts";
import { createSharedCounts, tellEveryMs, unsharedCounts } from "./shared-counts.ts";

function open(names: readonly string[]) {
  const clock = createFakeClock();
  const hub = createCountHub();
  const start = (name: string) => createSharedCounts({ link: hub.join(name), clock });
  return { clock, hub, start, all: names.map(start) };
}

/** A limiter of one process that tells what it lets through. */
function share(
  counts: ReturnType<typeof createSharedCounts>,
  rate: Parameters<typeof createLimiter>[0],
  clock = createFakeClock(),
) {
  const limiter = createLimiter(rate, { clock });
  const note = counts.openTaken("calls", (key, units) => limiter.charge(key, units));
  return () => {
    const { isAllowed } = limiter.take("k");
    if (isAllowed) note("k", 1);
    return isAllowed;
  };
}

for (const kind of ["token_bucket", "sliding_window"] as const) {
  test(`${kind}: processes let through together what one would, but for what comes in before they have told each other`, () => {
    const seed = Date.now();
    const random = createSeeded(seed);
    const { clock, all } = open(["a", "b", "c"]);
    const rate = { kind, limit: 100, windowMs: 10_000 } as const;
    const takes = all.map((counts) => share(counts, rate, clock));
    const minutes = 5;
    let passed = 0;
    for (let step = 0; step < minutes * 6_000; step++) {
      // Far more than fits, now at one and now at another.
      if (takes[Math.floor(random.next() * 3)]?.()) passed++;
      clock.advance(10);
    }
    const fitting = 100 * minutes * 6 + (kind === "token_bucket" ? 100 : 0);
    const early = 2 * (tellEveryMs / 10);
    assert.ok(passed <= fitting + early, `${passed} of ${fitting}, seed ${seed}`);
    assert.ok(passed >= fitting * 0.97, `${passed} of ${fitting}, seed ${seed}`);
  });

  test(`${kind}: what was let through too much at once is owed, and not let through again`, () => {
    const { clock, all } = open(["a", "b"]);
    const takes = all.map((counts) => share(counts, { kind, limit: 10, windowMs: 10_000 }, clock));
    const takeAll = () => takes.map((take) => Array.from({ length: 20 }, take).filter(Boolean).length);
    assert.deepEqual(takeAll(), [10, 10], "neither knows of the other yet");
    clock.advance(tellEveryMs);
    assert.deepEqual(takeAll(), [0, 0]);
    clock.advance(10_000 - tellEveryMs);
    assert.ok(
      takeAll().every((count) => count === 0),
      "two limits' worth takes two windows",
    );
  });
}

test("what is held is known to all, also to one that came later, and is free when its process has ended", () => {
  const { clock, hub, start, all } = open(["a", "b"]);
  const seen = new Map<string, Record<string, number>>();
  const hold = (name: string, counts = start(name)) =>
    counts.openHeld("calls", (key, units) => seen.set(name, { ...seen.get(name), [key]: units }));
  const [a, b] = all.map((counts, index) => hold(["a", "b"][index] ?? "", counts));
  a?.("k", 2);
  b?.("k", 3);
  a?.("other", 1);
  a?.("other", -1);
  assert.equal(seen.size, 0, "nothing is told before its time");
  clock.advance(tellEveryMs);
  assert.deepEqual([seen.get("a"), seen.get("b")], [{ k: 3 }, { k: 2, other: 0 }]);

  hold("c");
  clock.advance(tellEveryMs);
  assert.deepEqual(seen.get("c"), { k: 5 });

  hub.leave("b");
  assert.deepEqual([seen.get("a"), seen.get("c")], [{ k: 0 }, { k: 2 }]);
  a?.("k", -2);
  clock.advance(tellEveryMs);
  assert.deepEqual(seen.get("c"), { k: 0 });
});

test("what was taken and given back in between is not told; a process that is alone sets no timer", () => {
  const { clock, all } = open(["a", "b"]);
  const heard: unknown[] = [];
  const [note] = all.map((counts) => counts.openTaken("calls", (...news) => heard.push(news)));
  note?.("k", 2);
  note?.("k", -2);
  note?.("l", 0);
  note?.("m", 1);
  clock.advance(tellEveryMs);
  assert.deepEqual(heard, [["m", 1]]);
  assert.equal(clock.countTimers(), 0);
  unsharedCounts.openTaken("calls", () => assert.fail())("k", 1);
  unsharedCounts.openHeld("calls", () => assert.fail())("k", 1);
});

test("a count is opened once, and news of one that is not open here is left", () => {
  const { clock, all } = open(["a", "b"]);
  const [a] = all;
  const note = a?.openTaken("only here", () => assert.fail());
  assert.throws(() => a?.openTaken("only here", () => undefined), TypeError);
  note?.("k", 1);
  clock.advance(tellEveryMs);
});

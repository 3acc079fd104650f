import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Registry } from "prom-client";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type CallContext, currentContext, noSession, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { type CacheOptions, createCache } from "./cache.ts";
import type { CacheDriver, InvalidationBus } from "./cache-driver.ts";
import { runDriverContract } from "./driver-contract.ts";
import { createMemoryDriver } from "./memory-driver.ts";

const clock = createFakeClock();
const random = createRandom(clock);
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

runDriverContract("the memory driver", {
  open: async () => createMemoryDriver({ clock, maxEntries: 1_000 }),
  pass: async (ms) => clock.advance(ms),
});

function start(options: Partial<CacheOptions<string>> = {}) {
  return createCache<string>({ name: "names", clock, random, ttlMs: 60_000, jitter: 0, maxEntries: 100, ...options });
}

/** A loader that counts, and answers when the test says so. */
function createSource() {
  const asked: PromiseWithResolvers<string | undefined>[] = [];
  const load = () => {
    const answer = Promise.withResolvers<string | undefined>();
    asked.push(answer);
    return answer.promise;
  };
  return { asked, load };
}

const loads = (value: string | undefined) => async () => value;
const fails = async () => {
  throw new Error("the source is away");
};

/** A bus as processes have it: everyone hears the others, and nobody at once. */
function createTestBus() {
  const hearers = new Map<number, { onMarks(marks: readonly string[]): void; onGap(): void }>();
  let members = 0;
  return {
    join(): InvalidationBus {
      const self = members++;
      return {
        async publish(marks) {
          for (const [member, { onMarks }] of hearers) if (member !== self) setImmediate(() => onMarks(marks));
        },
        subscribe(onMarks, onGap) {
          hearers.set(self, { onMarks, onGap });
          return () => hearers.delete(self);
        },
      };
    },
    breakDown: () => {
      for (const { onGap } of hearers.values()) onGap();
    },
  };
}

test("what is fresh in memory is had without a loader, and counts as a hit; nothing else is", async () => {
  const metrics = new Registry();
  const cache = start({ metrics, graceMs: 60_000 });
  assert.equal(cache.fresh("a"), undefined);
  await cache.get("a", loads("value"));
  await cache.get("none", loads(undefined));
  assert.deepEqual([cache.fresh("a"), cache.fresh("none")], ["value", undefined]);
  clock.advance(59_999);
  assert.equal(cache.fresh("a"), "value");
  clock.advance(1);
  assert.equal(cache.fresh("a"), undefined, "within its grace it is not fresh");
  await cache.get("a", loads("newer"));
  await nextTurn();
  assert.equal(cache.fresh("a"), "newer");
  assert.match(await metrics.metrics(), /cache_requests_total\{cache="names",result="hit"\} 4\n/);
  await cache.forget("a");
  assert.equal(cache.fresh("a"), undefined);
});

test("callers that come together share one load, and later ones are answered without a promise", async () => {
  const cache = start();
  const { asked, load } = createSource();
  const waiting = Promise.all(Array.from({ length: 1_000 }, () => cache.get("a", load)));
  asked[0]?.resolve("x");
  assert.deepEqual(new Set(await waiting), new Set(["x"]));
  assert.equal(cache.get("a", load), "x");
  assert.equal(asked.length, 1);
});

test("what others get does not depend on who came first: a load has its trace, not its caller or deadline", async () => {
  const cache = start();
  const caller = { tenantId: "t", userId: "u", keyId: "", ...noSession, permissions: ["*"], models: [] };
  const context = { ...fromContextHeaders(() => undefined, clock), caller, deadlineMs: 1 };
  let seen: CallContext | undefined;
  await runInContext(context, () =>
    cache.get("a", async () => {
      seen = currentContext();
      return "x";
    }),
  );
  assert.equal(seen?.traceId, context.traceId);
  assert.deepEqual([seen?.caller, seen?.deadlineMs], [undefined, undefined]);
});

test("a value ends with its time, less a jitter of at most its share", async () => {
  const cache = start({ jitter: 0.5 });
  await cache.get("a", loads("x"), { ttlMs: 1_000 });
  clock.advance(499);
  assert.equal(cache.get("a", fails), "x");
  clock.advance(501);
  assert.equal(await cache.get("a", loads("y")), "y");
});

test("that there is nothing is remembered for 5 s", async () => {
  const cache = start();
  assert.equal(await cache.get("a", loads(undefined)), undefined);
  clock.advance(4_999);
  assert.equal(cache.get("a", loads("x")), undefined);
  clock.advance(1);
  assert.equal(await cache.get("a", loads("x")), "x");
});

test("a failure reaches everyone who waits, and is not remembered", async () => {
  const cache = start();
  const waiting = await Promise.allSettled([cache.get("a", fails), cache.get("a", fails)]);
  assert.deepEqual(
    waiting.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(await cache.get("a", loads("x")), "x");
});

test("what was being read when its key, its tag or all was forgotten is not remembered", async () => {
  for (const forget of ["forget", "forgetTags", "forgetAll"] as const) {
    const cache = start();
    const { asked, load } = createSource();
    const before = cache.get("a", load, { tags: ["tag"] });
    await cache[forget](forget === "forget" ? "a" : "tag");
    const after = cache.get("a", load, { tags: ["tag"] });
    asked[1]?.resolve("new");
    assert.equal(await after, "new", forget);
    asked[0]?.resolve("old");
    assert.equal(await before, "old");
    assert.equal(cache.get("a", fails), "new", forget);
  }
});

test("a tag forgets its entries and no others", async () => {
  const cache = start();
  await cache.get("a", loads("1"), { tags: ["odd", "x"] });
  await cache.get("b", loads("2"), { tags: ["even", "x"] });
  await cache.forgetTags("odd");
  assert.equal(cache.get("b", fails), "2");
  assert.equal(await cache.get("a", loads("3")), "3");
});

test("a load that hangs is given up after the hard limit, and told so", async () => {
  const cache = start({ hardTimeoutMs: 1_000 });
  let aborted: unknown;
  const waiting = cache.get("a", (signal) => {
    signal.addEventListener("abort", () => {
      aborted = signal.reason;
    });
    return new Promise(() => {});
  });
  clock.advance(1_000);
  await assert.rejects(
    async () => waiting,
    (err) => isFailure(err, kitFailures.deadline_exceeded),
  );
  assert.ok(isFailure(aborted, kitFailures.deadline_exceeded));
  assert.equal(clock.countTimers(), 0);
});

test("within its grace a value is served while loads fail or are slow, and not a moment longer", async () => {
  const cache = start({ graceMs: 10_000, softTimeoutMs: 100 });
  await cache.get("a", loads("old"));
  clock.advance(60_000);
  assert.equal(await cache.get("a", fails), "old");
  clock.advance(1_000);
  const { asked, load } = createSource();
  const slow = cache.get("a", load);
  await nextTurn();
  clock.advance(100);
  assert.equal(await slow, "old");
  asked[0]?.resolve("new");
  await nextTurn();
  assert.equal(cache.get("a", fails), "new");

  clock.advance(70_000);
  await assert.rejects(async () => cache.get("a", fails));
});

test("without grace an old value is never served", async () => {
  const cache = start();
  await cache.get("a", loads("old"));
  clock.advance(60_000);
  await assert.rejects(async () => cache.get("a", fails));
});

test("memory is bounded by entries and by bytes; what is in use stays", async () => {
  const registry = new Registry();
  const cache = start({ maxEntries: 3, maxBytes: 10, sizeOf: (value) => value.length, metrics: registry });
  for (const key of ["a", "b", "c"]) await cache.get(key, loads(key));
  assert.equal(cache.get("a", fails), "a");
  await cache.get("d", loads("d"));
  assert.equal(cache.get("a", fails), "a");
  assert.equal(await cache.get("b", loads("again")), "again");
  await cache.get("e", loads("x".repeat(11)));
  await cache.get("f", loads("x".repeat(10)));
  const text = await registry.metrics();
  assert.match(text, /cache_entries\{cache="names"\} 1\n/);
  assert.match(text, /cache_bytes\{cache="names"\} 10\n/);
  assert.match(text, /cache_requests_total\{cache="names",result="hit"\} 2\n/);
  assert.match(text, /cache_requests_total\{cache="names",result="miss"\} 7\n/);
});

test("what one node loaded the others find in the second tier, until its time ends", async () => {
  const driver = createMemoryDriver({ clock, maxEntries: 1_000 });
  const [one, two] = [start({ driver }), start({ driver })];
  await one.get("a", loads("x"));
  assert.equal(await two.get("a", fails), "x");
  clock.advance(60_000);
  assert.equal(await two.get("a", loads("y")), "y");
});

test("what is forgotten on one node is forgotten on all, second tier and loads under way included", async () => {
  const driver = createMemoryDriver({ clock, maxEntries: 1_000 });
  const bus = createTestBus();
  const nodes = Array.from({ length: 3 }, () => start({ driver, bus: bus.join() }));
  const [first, second, third] = nodes as [
    ReturnType<typeof start>,
    ReturnType<typeof start>,
    ReturnType<typeof start>,
  ];
  const { asked, load } = createSource();
  const underWay = third.get("a", load);
  await nextTurn();
  await first.get("a", loads("old"));
  assert.equal(await second.get("a", fails), "old");
  await first.forget("a");
  asked[0]?.resolve("old");
  await underWay;
  await nextTurn();
  for (const node of nodes) assert.equal(await node.get("a", loads("new")), "new");
});

test("after a gap on the bus nothing from before is trusted", async () => {
  const bus = createTestBus();
  const cache = start({ bus: bus.join() });
  await cache.get("a", loads("old"));
  bus.breakDown();
  assert.equal(await cache.get("a", loads("new")), "new");
});

test("a second tier that hangs, fails or talks nonsense costs a bounded wait once a second, and no error", async () => {
  const hang = () => new Promise<never>(() => {});
  const broken: readonly CacheDriver[] = [
    { read: hang, write: hang, withdraw: hang },
    { read: fails, write: fails, withdraw: fails },
    { read: async () => ({ text: "{", stamp: "" }), write: fails, withdraw: fails },
    { read: async () => ({ text: "null", stamp: "" }), write: hang, withdraw: hang },
  ];
  for (const driver of broken) {
    const cache = start({ driver, driverTimeoutMs: 50 });
    const first = cache.get("a", loads("x"));
    await nextTurn();
    clock.advance(50);
    assert.equal(await first, "x");
    await nextTurn();
    clock.advance(50);
    assert.equal(await cache.get("b", loads("y")), "y");
    const forgotten = cache.forget("a");
    await nextTurn();
    clock.advance(50);
    await forgotten;
    clock.advance(1_000);
  }
});

test("what was forgotten while the second tier was away is withdrawn before it is read again", async (t: TestContext) => {
  const whole = createMemoryDriver({ clock, maxEntries: 1_000 });
  let isAway = false;
  const through =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isAway) throw new Error("away");
      return work(...args);
    };
  const driver = { read: through(whole.read), write: through(whole.write), withdraw: through(whole.withdraw) };
  for (const count of [1, 1_500]) {
    await t.test(`${count} keys`, async () => {
      const cache = start({ driver });
      await cache.get("a", loads("old"));
      isAway = true;
      await cache.forget("a", ...Array.from({ length: count - 1 }, (_, i) => `other ${i}`));
      isAway = false;
      clock.advance(1_000);
      assert.equal(await cache.get("a", loads("new")), "new");
      assert.equal(await start({ driver }).get("a", fails), "new");
    });
  }
});

test("keys and tags of more than 4,096 characters are refused", () => {
  const cache = start();
  assert.throws(() => cache.get("k".repeat(4_097), fails), RangeError);
  assert.throws(() => cache.get("k", fails, { tags: ["t".repeat(4_097)] }), RangeError);
});

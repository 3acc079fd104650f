import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import type { LimitDecision, RateLimit, SharedLimiter } from "./limiter.ts";
import { type LocalShareOptions, shareOf, withLocalShare } from "./limiter-local-share.ts";

const rate: RateLimit = { kind: "token_bucket", limit: 10, windowMs: 10_000 };
const yes: LimitDecision = { isAllowed: true, remaining: 7, resetMs: 1 };

function start(options: Partial<LocalShareOptions> & { readonly rate?: RateLimit } = {}) {
  const clock = createFakeClock();
  const said: string[] = [];
  const logged: unknown[] = [];
  const modes: string[] = [];
  const store = { answer: async (): Promise<LimitDecision> => yes, takes: 0 };
  const shared: SharedLimiter = {
    rate: options.rate ?? rate,
    take: async () => {
      store.takes++;
      return store.answer();
    },
  };
  const note = (level: string) => (fields: unknown, text?: string) => {
    said.push(level);
    logged.push([text, fields]);
  };
  const limiter = withLocalShare(shared, {
    ...{ clock, processes: 2, log: { warn: note("warn"), info: note("info") } },
    onMode: (mode) => modes.push(mode),
    ...options,
  });
  return { clock, said, logged, modes, store, limiter };
}

const gone = async () => {
  throw new Error("connection lost");
};

test("a store that fails is replaced by the process's share, and asked again once a second", async () => {
  const { clock, said, store, limiter } = start();
  assert.deepEqual(await limiter.take("k"), yes);
  store.answer = gone;
  let allowed = 0;
  for (let i = 0; i < 20; i++) if ((await limiter.take("k")).isAllowed) allowed++;
  assert.deepEqual([allowed, limiter.mode(), store.takes], [5, "local", 2]);
  clock.advance(999);
  await limiter.take("k");
  assert.equal(store.takes, 2);
  clock.advance(1);
  await limiter.take("k");
  await limiter.take("k");
  assert.equal(store.takes, 3);
  store.answer = async () => yes;
  clock.advance(1_000);
  assert.deepEqual(await limiter.take("k"), yes);
  assert.deepEqual([limiter.mode(), said], ["shared", ["warn", "info"]]);
});

test("a store that hangs costs one time limit, and leaves no timer behind", async () => {
  const { clock, store, limiter } = start();
  store.answer = () => new Promise(() => {});
  const late = [limiter.take("k"), limiter.take("k")];
  clock.advance(49);
  assert.equal(limiter.mode(), "shared");
  clock.advance(1);
  for (const decision of await Promise.all(late)) assert.equal(decision.isAllowed, true);
  assert.equal(limiter.mode(), "local");
  assert.equal((await limiter.take("k")).isAllowed, true);
  assert.deepEqual([clock.countTimers(), store.takes], [0, 2]);
});

test("a take that the share is too small for waits for the store; one that the limit is too small for does not", async () => {
  const { store, limiter } = start();
  store.answer = gone;
  assert.deepEqual(await limiter.take("k", 10), { isAllowed: false, remaining: 5, retryAfterMs: 10_000 });
  const never = await limiter.take("k", 11);
  assert.ok(!never.isAllowed && never.retryAfterMs === Number.POSITIVE_INFINITY);
});

test("on its own a process answers as its share does: what is left, and the shortest wait that works", async () => {
  const { store, limiter } = start();
  store.answer = gone;
  assert.deepEqual(await limiter.take("k", 4), { isAllowed: true, remaining: 1, resetMs: 8_000 });
  assert.deepEqual(await limiter.take("k", 2), { isAllowed: false, remaining: 1, retryAfterMs: 2_000 });
});

test("each change is logged once, with its cause, and told once", async () => {
  const { clock, logged, modes, store, limiter } = start();
  store.answer = () => new Promise(() => {});
  for (let i = 0; i < 2; i++) {
    const late = limiter.take("k");
    clock.advance(50);
    await late;
    clock.advance(950);
  }
  store.answer = async () => yes;
  clock.advance(1_000);
  for (let i = 0; i < 2; i++) await limiter.take("k");
  const err = new Error("no answer within 50 ms");
  assert.deepEqual(logged, [
    ["shared limits are out of reach: each process keeps to its share", { err, processes: 2 }],
    ["shared limits are back", {}],
  ]);
  assert.deepEqual(modes, ["local", "shared"]);
});

test("one take at a time asks whether the store is back, however long that takes", async () => {
  for (const [probeEveryMs, timeoutMs] of [
    [1_000, 50],
    [10, 50],
  ] as const) {
    const { clock, store, limiter } = start({ probeEveryMs, timeoutMs });
    store.answer = gone;
    await limiter.take("k");
    store.answer = () => new Promise(() => {});
    clock.advance(probeEveryMs);
    const probe = limiter.take("k");
    clock.advance(timeoutMs - 1);
    await limiter.take("k");
    assert.equal(store.takes, 2, "nobody waits beside the probe");
    clock.advance(1);
    assert.equal((await probe).isAllowed, true);
    clock.advance(probeEveryMs - 1);
    await limiter.take("k");
    assert.equal(store.takes, 2);
    clock.advance(1);
    void limiter.take("k");
    assert.equal(store.takes, 3);
  }
});

test("the share remembers as many keys as it is told to", async () => {
  const { store, limiter } = start({ maxKeys: 1, onMode: undefined });
  store.answer = gone;
  assert.equal((await limiter.take("a", 5)).isAllowed, true);
  assert.equal((await limiter.take("a")).isAllowed, false);
  await limiter.take("b");
  assert.equal((await limiter.take("a", 5)).isAllowed, true);
});

test("a mistake of the caller is not taken for a lost store", async () => {
  const { store, limiter } = start();
  store.answer = async () => {
    throw new RangeError("count");
  };
  await assert.rejects(limiter.take("k", -1), RangeError);
  assert.equal(limiter.mode(), "shared");
});

test("shares of all processes together never exceed the limit", () => {
  for (const kind of ["token_bucket", "sliding_window"] as const) {
    for (const limit of [1, 2, 3, 10, 1_000]) {
      for (const processes of [1, 2, 3, 7, 100]) {
        const share = shareOf({ kind, limit, windowMs: 60_000 }, processes);
        assert.ok((share.limit / share.windowMs) * processes <= limit / 60_000 + 1e-12);
      }
    }
  }
  assert.deepEqual(shareOf({ ...rate, kind: "token_bucket", burst: 30 }, 3), {
    kind: "token_bucket",
    limit: 3,
    windowMs: 10_000,
    burst: 10,
  });
  const few = { kind: "sliding_window", limit: 3, windowMs: 60_000 } as const;
  assert.deepEqual(shareOf(few, 7), { kind: "sliding_window", limit: 1, windowMs: 140_000 });
  assert.deepEqual(shareOf(few, 3), { kind: "sliding_window", limit: 1, windowMs: 60_000 });
  for (const processes of [0, 1.5, Number.NaN]) {
    assert.throws(() => shareOf(rate, processes), {
      name: "RangeError",
      message: "processes must be an integer from 1",
    });
  }
});

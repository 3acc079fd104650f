import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import type { RateLimit } from "./limiter.ts";
import { createLimitHeaders, joinLimitHeaders } from "./limiter-headers.ts";
import { createLimiter } from "./limiter-in-memory.ts";

function readField(field = ""): { r: number; t: number } {
  const match = /^"key";r=(\d+);t=(\d+)$/.exec(field);
  assert.ok(match, field);
  return { r: Number(match[1]), t: Number(match[2]) };
}

const rates: readonly RateLimit[] = [
  { kind: "token_bucket", limit: 60, windowMs: 60_000 },
  { kind: "token_bucket", limit: 100, windowMs: 1_000, burst: 7 },
  { kind: "token_bucket", limit: 1, windowMs: 7_300 },
  { kind: "sliding_window", limit: 60, windowMs: 60_000 },
  { kind: "sliding_window", limit: 5, windowMs: 1_500 },
  { kind: "sliding_window", limit: 1, windowMs: 9_999 },
];

for (const rate of rates) {
  test(`T3: ${JSON.stringify(rate)}: in an hour a client that obeys is never refused, and r never rises inside a window`, () => {
    for (const eagerness of [1, 0.5, 0.05]) {
      const clock = createFakeClock();
      const random = createSeeded(3).next;
      const limiter = createLimiter(rate, { clock });
      const headersOf = createLimitHeaders({ clock, name: "key", rate });
      let windowEndMs = 0;
      let r = Number.POSITIVE_INFINITY;
      let sent = 0;
      while (clock.monotonicMs() < 3_600_000) {
        if (r === 0) clock.advance(Math.max(0, windowEndMs - clock.monotonicMs()));
        else if (random() > eagerness) clock.advance(Math.floor((random() * 4 * rate.windowMs) / rate.limit));
        const decision = limiter.take("k");
        assert.ok(decision.isAllowed, `refused after ${sent}`);
        sent++;
        const field = readField(headersOf("k", decision)["ratelimit"]);
        if (clock.monotonicMs() < windowEndMs) assert.ok(field.r <= r, `r rose from ${r} to ${field.r}`);
        r = field.r;
        windowEndMs = Math.max(windowEndMs, clock.monotonicMs() + 1_000 * field.t);
        if (eagerness === 1 && sent % 10 === 0) clock.advance(1);
      }
      assert.ok(sent > 100, `${sent} in an hour`);
    }
  });
}

test("headers tell the policy, what is left and for how long, in both spellings", () => {
  const clock = createFakeClock();
  const rate: RateLimit = { kind: "token_bucket", limit: 60, windowMs: 60_000, burst: 2 };
  const limiter = createLimiter(rate, { clock });
  const headersOf = createLimitHeaders({ clock, name: "key", rate, suffix: "requests" });
  assert.deepEqual(headersOf("k", limiter.take("k")), {
    "ratelimit-policy": '"key";q=2;w=60',
    ratelimit: '"key";r=1;t=1',
    "x-ratelimit-limit-requests": "2",
    "x-ratelimit-remaining-requests": "1",
    "x-ratelimit-reset-requests": "1",
  });
  headersOf("k", limiter.take("k"));
  const refused = headersOf("k", limiter.take("k"));
  assert.deepEqual([refused["ratelimit"], refused["retry-after"]], ['"key";r=0;t=2', "1"]);
});

test("a take that never fits is told to wait one window, not for ever", () => {
  const clock = createFakeClock();
  const rate: RateLimit = { kind: "sliding_window", limit: 2, windowMs: 5_000 };
  const limiter = createLimiter(rate, { clock });
  const headers = createLimitHeaders({ clock, name: "key", rate })("k", limiter.take("k", 3), 3);
  assert.deepEqual([headers["ratelimit"], headers["retry-after"]], ['"key";r=2;t=5', "5"]);
});

test("several policies stand in one list, with the longest wait", () => {
  const joined = joinLimitHeaders([
    { ratelimit: '"a";r=1;t=1', "retry-after": "3", "x-ratelimit-limit-requests": "1" },
    { ratelimit: '"b";r=2;t=2', "retry-after": "2", "x-ratelimit-limit-tokens": "9" },
  ]);
  assert.deepEqual(joined, {
    ratelimit: '"a";r=1;t=1, "b";r=2;t=2',
    "retry-after": "3",
    "x-ratelimit-limit-requests": "1",
    "x-ratelimit-limit-tokens": "9",
  });
});

test("of several policies x-ratelimit-* tell of the one of which the least is left, kind by kind", () => {
  const told = (limit: string, remaining: string, reset: string, suffix = "") => ({
    [`x-ratelimit-limit${suffix}`]: limit,
    [`x-ratelimit-remaining${suffix}`]: remaining,
    [`x-ratelimit-reset${suffix}`]: reset,
  });
  const joined = joinLimitHeaders([
    { ...told("100", "20", "7"), ...told("9", "1", "2", "-tokens") },
    { ...told("10", "3", "50"), ...told("8", "5", "3", "-tokens") },
    told("30", "3", "1"),
  ]);
  assert.deepEqual(joined, { ...told("10", "3", "50"), ...told("9", "1", "2", "-tokens") });
});

test("a name that would break the header is refused", () => {
  const rate: RateLimit = { kind: "sliding_window", limit: 2, windowMs: 5_000 };
  for (const name of ["", 'a"', "a\r\nb", "a".repeat(33)]) {
    assert.throws(() => createLimitHeaders({ clock: createFakeClock(), name, rate }), RangeError);
  }
});

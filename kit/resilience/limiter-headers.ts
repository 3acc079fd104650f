import type { Clock } from "../service/clock.ts";
import type { LimitDecision, RateLimit } from "./limiter.ts";
import { createLimiterEntries } from "./limiter-entries.ts";

export interface LimitHeaderOptions {
  readonly clock: Clock;
  /** Name of the policy, as clients see it: letters, digits, `-` and `_`, at most 32. */
  readonly name: string;
  readonly rate: RateLimit;
  /** Last word of the `x-ratelimit-*` names, where a client is told of several limits. */
  readonly suffix?: string;
  /** Keys for which the window told to the client is remembered. */
  readonly maxKeys?: number;
}

/** Response headers by their lower-case names. */
export type LimitHeaders = Readonly<Record<string, string>>;

/** What a client was last told. */
interface ToldWindow {
  untilMs: number;
  remaining: number;
}

/**
 * Headers that tell a client what it has left: `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers-11), `x-ratelimit-limit|remaining|reset` in whole seconds, and `Retry-After` with
 * a refusal.
 *
 * What is left flows back all the time; a client could not plan with that. So it is told a window: inside it `r` only
 * falls, and is always there; after it there is at least one unit. Who keeps to that is never refused, as long as
 * nobody else takes from the key without these headers.
 */
export function createLimitHeaders(
  options: LimitHeaderOptions,
): (key: string, decision: LimitDecision, count?: number) => LimitHeaders {
  const { clock, name, rate, suffix, maxKeys } = options;
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) throw new RangeError(`'${name}' is no name for a policy`);
  const told = createLimiterEntries<ToldWindow>(() => ({ untilMs: Number.NEGATIVE_INFINITY, remaining: 0 }), maxKeys);
  const quota = rate.kind === "token_bucket" ? (rate.burst ?? rate.limit) : rate.limit;
  const policy = `"${name}";q=${quota};w=${toSeconds(rate.windowMs)}`;
  const prefix = (word: string) => `x-ratelimit-${word}${suffix === undefined ? "" : `-${suffix}`}`;
  const names = { limit: prefix("limit"), remaining: prefix("remaining"), reset: prefix("reset") };

  return (key, decision, count = 1) => {
    const nowMs = clock.monotonicMs();
    const window = told.use(key);
    if (nowMs >= window.untilMs) {
      window.remaining = decision.remaining;
      window.untilMs = nowMs + 1_000 * toSeconds(waitOf(decision, rate));
    } else {
      const left = decision.isAllowed ? window.remaining - count : window.remaining;
      window.remaining = Math.max(0, Math.min(left, decision.remaining));
    }
    // With nothing left the client waits for the end of the window: then there must be something.
    if (window.remaining === 0) {
      window.untilMs = Math.max(window.untilMs, nowMs + 1_000 * toSeconds(waitOf(decision, rate)));
    }
    // Whole seconds, on the safe side: what is there holds for no longer than told, what is not comes no later.
    const leftMs = window.untilMs - nowMs;
    const seconds = window.remaining > 0 ? Math.floor(leftMs / 1_000) : toSeconds(leftMs);
    return {
      "ratelimit-policy": policy,
      ratelimit: `"${name}";r=${window.remaining};t=${seconds}`,
      [names.limit]: String(quota),
      [names.remaining]: String(window.remaining),
      [names.reset]: String(seconds),
      ...(!decision.isAllowed && { "retry-after": String(toSeconds(waitOf(decision, rate))) }),
    };
  };
}

/**
 * Several policies in one answer: list fields are joined, the longest wait counts, and `x-ratelimit-*` tell of the policy of which the
 * least is left, of equal ones the first.
 */
export function joinLimitHeaders(all: readonly LimitHeaders[]): LimitHeaders {
  const joined: Record<string, string> = {};
  for (const headers of all) {
    for (const [name, value] of Object.entries(headers)) {
      const before = joined[name];
      if (before === undefined) joined[name] = value;
      else if (name.startsWith("ratelimit")) joined[name] = `${before}, ${value}`;
      else if (name === "retry-after") joined[name] = String(Math.max(Number(before), Number(value)));
      else if (name.startsWith(remaining) && Number(value) < Number(before)) replaceTold(joined, headers, name);
    }
  }
  return joined;
}

const remaining = "x-ratelimit-remaining";

function replaceTold(joined: Record<string, string>, headers: LimitHeaders, name: string): void {
  for (const word of ["limit", "remaining", "reset"]) {
    const told = `x-ratelimit-${word}${name.slice(remaining.length)}`;
    joined[told] = headers[told] ?? "";
  }
}

/** Until the limit is whole, or the take could be repeated; a take that never fits waits one window. */
function waitOf(decision: LimitDecision, rate: RateLimit): number {
  const waitMs = decision.isAllowed ? decision.resetMs : decision.retryAfterMs;
  return Number.isFinite(waitMs) ? waitMs : rate.windowMs;
}

function toSeconds(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs / 1_000));
}

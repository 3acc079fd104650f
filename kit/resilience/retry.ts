import { isFailure } from "../errors/failure.ts";
import { currentContext, runInContext } from "../rpc/call-context.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import { isWorthRetry } from "./judge-error.ts";
import type { RetryBudget } from "./retry-budget.ts";

export interface RetryOptions {
  /** Repeats after the first attempt; 0 leaves retrying to other layers. */
  readonly maxRetries: number;
  /** The wait before the n-th retry is drawn evenly from 0 to `baseDelayMs × factor^(n-1)`, at most `maxDelayMs`. */
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly factor: number;
}

/** A repeat that is about to be waited for. */
export interface RetryEvent {
  /** 1 for the first repeat. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly err: unknown;
}

export interface RetryStats {
  /** Calls made, each attempt counted. */
  readonly attempts: number;
  /** Those of them that were repeats. */
  readonly retries: number;
  /** Repeats that the budget did not allow. */
  readonly refusedByBudget: number;
}

export interface RetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: RetryBudget;
  /** Whether this error is worth a repeat; `isWorthRetry` unless given. */
  readonly condition?: ((err: unknown, isIdempotent: boolean) => boolean) | undefined;
  /** Called before each wait. Must not throw. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
}

/** One call and what may be done with it. */
export interface RetryCall {
  /** True when making the call twice does no more than making it once. */
  readonly isIdempotent?: boolean | undefined;
  /** Ends waiting, and the repeats with it. */
  readonly signal?: AbortSignal | undefined;
  /** Monotonic milliseconds; no attempt begins at or after it. The call context's own deadline holds besides. */
  readonly deadlineMs?: number | undefined;
}

/** Repeats calls that failed for a moment. */
export interface Retry {
  /** Gives each attempt its number, from 0. Rejects with the error of the last attempt, or the signal's reason. */
  run<T>(call: (attempt: number) => Promise<T>, given?: RetryCall): Promise<T>;
  /** New limits for the calls that begin from now on. */
  update(options: RetryOptions): void;
  stats(): RetryStats;
}

const nothingGiven: RetryCall = {};
const never = Number.POSITIVE_INFINITY;

/**
 * Retries with exponential back-off and full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015). A failure's
 * `retryAfterMs` is waited for in full, before the jitter; when it is longer than `maxDelayMs` the caller is told instead.
 * Only one layer may repeat: inside an attempt of another retry, as the call context tells (`x-retry-attempt` from peer
 * to peer), a call is made once. Work outside of any call context has nothing to tell it.
 */
export function createRetry(options: RetryOptions, deps: RetryDeps): Retry {
  const { clock, random, budget, condition = isWorthRetry, onRetry } = deps;
  let limits = options;
  let attempts = 0;
  let retries = 0;
  let refusedByBudget = 0;

  /** The wait before the next attempt, or undefined when there must be none. */
  function nextDelayMs(err: unknown, attempt: number, given: RetryCall, deadlineMs: number): number | undefined {
    if (attempt > limits.maxRetries || given.signal?.aborted) return undefined;
    if (!condition(err, given.isIdempotent ?? false)) return undefined;
    const ceilingMs = Math.min(limits.maxDelayMs, limits.baseDelayMs * limits.factor ** (attempt - 1));
    const retryAfterMs = isFailure(err) ? (err.retryAfterMs ?? 0) : 0;
    if (retryAfterMs > limits.maxDelayMs) return undefined;
    const delayMs = retryAfterMs + drawFraction(random) * ceilingMs;
    if (clock.monotonicMs() + delayMs >= deadlineMs) return undefined;
    if (budget.take()) return delayMs;
    refusedByBudget++;
    return undefined;
  }

  async function run<T>(call: (attempt: number) => Promise<T>, given: RetryCall = nothingGiven): Promise<T> {
    const outer = currentContext();
    if (limits.maxRetries === 0 || outer?.retryAttempt !== undefined) {
      attempts++;
      return call(0);
    }
    const deadlineMs = Math.min(given.deadlineMs ?? never, outer?.deadlineMs ?? never);
    budget.request();
    for (let attempt = 0; ; attempt++) {
      attempts++;
      try {
        const result = await (outer
          ? runInContext({ ...outer, retryAttempt: attempt }, () => call(attempt))
          : call(attempt));
        budget.success();
        return result;
      } catch (err) {
        const delayMs = nextDelayMs(err, attempt + 1, given, deadlineMs);
        if (delayMs === undefined) throw err;
        retries++;
        onRetry?.({ attempt: attempt + 1, delayMs, err });
        await delay(clock, delayMs, given.signal);
      }
    }
  }

  return {
    run,
    update(next) {
      limits = next;
    },
    stats: () => ({ attempts, retries, refusedByBudget }),
  };
}

/** Evenly from [0, 1). */
function drawFraction(random: Random): number {
  return random.bytes(4).readUInt32LE() / 2 ** 32;
}

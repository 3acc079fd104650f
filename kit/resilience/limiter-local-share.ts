import type { Logger } from "pino";
import type { Clock } from "../service/clock.ts";
import type { LimitDecision, RateLimit, SharedLimiter } from "./limiter.ts";
import { createLimiter } from "./limiter-in-memory.ts";

/** Where a limit is counted: for all processes together, or in this one for its share. */
export type LimiterMode = "shared" | "local";

export interface LocalShareOptions {
  readonly clock: Clock;
  readonly log: Pick<Logger, "warn" | "info">;
  /** How many processes share the limit: this one lets 1/N of it through while it is on its own. From 1. */
  readonly processes: number;
  /** The store's limit to answer; a take that it has not answered by then is decided locally. */
  readonly timeoutMs?: number;
  /** While on its own, one take in this time asks the store whether it is back. */
  readonly probeEveryMs?: number;
  readonly maxKeys?: number | undefined;
  readonly onMode?: ((mode: LimiterMode) => void) | undefined;
}

/** A shared limiter that never fails and never opens. */
export interface FailSoftLimiter extends SharedLimiter {
  mode(): LimiterMode;
}

/**
 * Takes from `shared`; when that fails or is late, from a limit of its own at 1/N of the rate, until one of its probes is
 * answered in time. All processes together then never let through more than the limit, give or take one burst at each
 * change. The change is logged once. At most the takes of one time limit are under way when the store hangs.
 */
export function withLocalShare(shared: SharedLimiter, options: LocalShareOptions): FailSoftLimiter {
  const { clock, log, processes, timeoutMs = 50, probeEveryMs = 1_000, maxKeys, onMode } = options;
  const local = createLimiter(shareOf(shared.rate, processes), { clock, maxKeys });
  let mode: LimiterMode = "shared";
  let nextProbeMs = 0;

  function changeMode(next: LimiterMode, err?: unknown): void {
    if (mode === next) return;
    mode = next;
    if (next === "local")
      log.warn({ err, processes }, "shared limits are out of reach: each process keeps to its share");
    else log.info({}, "shared limits are back");
    onMode?.(next);
  }

  function takeLocally(key: string, count: number): LimitDecision {
    const decision = local.take(key, count);
    if (decision.isAllowed || decision.retryAfterMs !== Number.POSITIVE_INFINITY) return decision;
    // Larger than our share is not larger than the limit: the store may be back by then.
    return count > maxUnits(shared.rate) ? decision : { ...decision, retryAfterMs: shared.rate.windowMs };
  }

  return {
    rate: shared.rate,
    mode: () => mode,
    async take(key, count = 1) {
      if (mode === "local") {
        if (clock.monotonicMs() < nextProbeMs) return takeLocally(key, count);
        // Set before the probe, so that there is one at a time however long it takes.
        nextProbeMs = clock.monotonicMs() + Math.max(probeEveryMs, timeoutMs);
      }
      try {
        const decision = await withTimeLimit(shared.take(key, count), clock, timeoutMs);
        changeMode("shared");
        return decision;
      } catch (err) {
        if (err instanceof RangeError) throw err;
        nextProbeMs = clock.monotonicMs() + probeEveryMs;
        changeMode("local", err);
        return takeLocally(key, count);
      }
    },
  };
}

/** The rate of one of N processes. A limit below N becomes one unit in a window as much longer. */
export function shareOf(rate: RateLimit, processes: number): RateLimit {
  if (!(Number.isInteger(processes) && processes >= 1)) throw new RangeError("processes must be an integer from 1");
  const limit = Math.max(1, Math.floor(rate.limit / processes));
  const windowMs = rate.limit >= processes ? rate.windowMs : Math.ceil((rate.windowMs * processes) / rate.limit);
  if (rate.kind === "sliding_window") return { kind: rate.kind, limit, windowMs };
  return { kind: rate.kind, limit, windowMs, burst: Math.max(1, Math.floor(maxUnits(rate) / processes)) };
}

function maxUnits(rate: RateLimit): number {
  return rate.kind === "token_bucket" ? (rate.burst ?? rate.limit) : rate.limit;
}

function withTimeLimit<T>(work: Promise<T>, clock: Clock, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    work.then(resolve, reject).finally(cancel);
  });
}

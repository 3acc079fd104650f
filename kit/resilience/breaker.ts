import { Failure } from "../errors/failure.ts";
import type { Clock } from "../service/clock.ts";
import { judgeError, type Verdict } from "./judge-error.ts";
import { resilienceFailures } from "./resilience-failures.ts";
import { type ConsecutiveTrip, createTripRule, type RatioTrip } from "./trip-rule.ts";

export type BreakerState = "closed" | "open" | "half_open";

export interface BreakerOptions {
  readonly trip: ConsecutiveTrip | RatioTrip;
  /** A call that took this long counts as failed, whatever its answer. Without it no call is too slow. */
  readonly slowCallMs?: number | undefined;
  /** How long calls are refused after a trip. Doubled each time that half-open fails, up to `maxOpenMs`. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** How many calls half-open lets through to find out. */
  readonly probes: number;
  /** How many of them must succeed, at most `probes`. One that fails opens again at once. */
  readonly successesToClose: number;
}

/** A state that has just begun. */
export interface BreakerChange {
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** True while a person holds the state by `forceOpen` or `forceClosed`. */
  readonly isForced: boolean;
}

export interface BreakerStats {
  /** `open` turns to `half_open` with the first call after its time. */
  readonly state: BreakerState;
  readonly isForced: boolean;
  /** Calls refused, and times opened, since the breaker was created. */
  readonly refused: number;
  readonly opened: number;
}

export interface BreakerDeps {
  readonly clock: Clock;
  /** Named in `resilience.circuit_open`. */
  readonly name: string;
  /** What a rejection says about the peer; `judgeError` unless given. */
  readonly judge?: ((err: unknown) => Verdict) | undefined;
  /** Called after each change, before the call that caused it goes on. Must not throw. */
  readonly onChange?: ((change: BreakerChange) => void) | undefined;
}

/** Keeps calls away from a peer that fails, and finds out by a few of them when it is well again. */
export interface Breaker {
  /** Makes the call, or throws `resilience.circuit_open`, with `retryAfterMs` where that is known. */
  run<T>(call: () => Promise<T>): Promise<T>;
  /**
   * Asks to make one call; throws as `run` does. The ticket must be given back by exactly one `leave`. For what `run`
   * cannot express, such as a stream that is judged by its first byte.
   */
  enter(): number;
  /**
   * Tells how a call ended, and when it began by `startMs`. A ticket from before the last change is void: what it says is
   * about a time that is over.
   */
  leave(ticket: number, verdict: Verdict, beganMs: number): void;
  /** Throws as `enter` does while every call is refused, and changes nothing: for work that comes before the call. */
  throwIfOpen(): void;
  /** The time, as a call begins; 0 where no call is too slow, because asking for the time costs the most of all. */
  startMs(): number;
  /** What a rejection says about the peer. */
  judge(err: unknown): Verdict;
  /** Refuses every call until `reset`. */
  forceOpen(): void;
  /** Lets every call through, whatever fails, until `reset`. */
  forceClosed(): void;
  /** Closed, with nothing remembered. */
  reset(): void;
  /** New limits from now on. State and open time stay; what was counted stays while `trip` is the same. */
  update(options: BreakerOptions): void;
  stats(): BreakerStats;
}

/**
 * A circuit breaker (M. Nygard, Release It!, 2007; after resilience4j and Polly). O(1); a call through a closed breaker
 * allocates nothing. Half-open hands out at most `probes` tickets, however many callers wait; one of an ignored call is
 * handed out again, and when they are all out for as long as it was open before, it opens again.
 * Throws a RangeError when `successesToClose` is more than `probes`.
 */
export function createBreaker(options: BreakerOptions, deps: BreakerDeps): Breaker {
  const { clock, name, judge = judgeError, onChange } = deps;
  let limits = checked(options);
  let rule = createTripRule(limits.trip);
  let slowCallMs = limits.slowCallMs ?? Number.POSITIVE_INFINITY;
  let state: BreakerState = "closed";
  let isForced = false;
  /** Which stretch between two changes it is: what tickets are made of. */
  let epoch = 0;
  let probesUsed = 0;
  let successes = 0;
  let refused = 0;
  let opened = 0;
  const times = { openMs: 0, openUntilMs: 0, lastProbeMs: 0 };

  function change(to: BreakerState, isForcedNow: boolean): void {
    const from = state;
    state = to;
    isForced = isForcedNow;
    epoch++;
    probesUsed = 0;
    successes = 0;
    if (to === "open") opened++;
    onChange?.({ from, to, isForced });
  }

  function open(openMs: number, nowMs: number): void {
    times.openMs = Math.min(openMs, limits.maxOpenMs);
    times.openUntilMs = nowMs + times.openMs;
    change("open", false);
  }

  function refuse(retryAfterMs?: number): never {
    refused++;
    throw new Failure(resilienceFailures.circuit_open, { policy: name }, { retryAfterMs });
  }

  function enterAsProbe(): number {
    if (isForced) refuse();
    const nowMs = clock.monotonicMs();
    if (state === "open") {
      if (nowMs < times.openUntilMs) refuse(Math.ceil(times.openUntilMs - nowMs));
      change("half_open", false);
    }
    if (probesUsed >= limits.probes) {
      if (nowMs - times.lastProbeMs < times.openMs) refuse();
      open(times.openMs * 2, nowMs);
      refuse(times.openMs);
    }
    probesUsed++;
    times.lastProbeMs = nowMs;
    return epoch;
  }

  function settleProbe(isFailure: boolean, nowMs: number): void {
    if (isFailure) {
      open(times.openMs * 2, nowMs);
      return;
    }
    successes++;
    if (successes >= limits.successesToClose) close(false);
  }

  function close(isForcedNow: boolean): void {
    rule.clear();
    change("closed", isForcedNow);
  }

  function enter(): number {
    return state === "closed" ? epoch : enterAsProbe();
  }

  function leave(ticket: number, verdict: Verdict, beganMs: number): void {
    if (ticket !== epoch || isForced) return;
    if (verdict === "ignored") {
      probesUsed--; // Read in half-open only, and each change sets it back.
      return;
    }
    const nowMs = clock.monotonicMs();
    const isFailure = verdict === "failure" || nowMs - beganMs >= slowCallMs;
    if (state === "half_open") settleProbe(isFailure, nowMs);
    else if (rule.record(isFailure, nowMs)) open(limits.openMs, nowMs);
  }

  function startMs(): number {
    return slowCallMs === Number.POSITIVE_INFINITY ? 0 : clock.monotonicMs();
  }

  return {
    async run(call) {
      const ticket = enter();
      const beganMs = startMs();
      try {
        const result = await call();
        leave(ticket, "success", beganMs);
        return result;
      } catch (err) {
        leave(ticket, judge(err), beganMs);
        throw err;
      }
    },
    enter,
    leave,
    throwIfOpen() {
      if (state !== "open") return;
      if (isForced) refuse();
      const leftMs = times.openUntilMs - clock.monotonicMs();
      if (leftMs > 0) refuse(Math.ceil(leftMs));
    },
    startMs,
    judge,
    forceOpen: () => change("open", true),
    forceClosed: () => close(true),
    reset: () => close(false),
    update(next) {
      const { trip } = limits;
      limits = checked(next);
      slowCallMs = limits.slowCallMs ?? Number.POSITIVE_INFINITY;
      if (JSON.stringify(trip) !== JSON.stringify(limits.trip)) rule = createTripRule(limits.trip);
    },
    stats: () => ({ state, isForced, refused, opened }),
  };
}

function checked(options: BreakerOptions): BreakerOptions {
  if (options.successesToClose > options.probes) {
    throw new RangeError(`${options.successesToClose} successes cannot come from ${options.probes} probes`);
  }
  return options;
}

import type { Clock } from "../service/clock.ts";

export interface AdaptiveLimitOptions {
  readonly clock: Clock;
  readonly initialLimit?: number;
  readonly minLimit?: number;
  readonly maxLimit?: number;
  /** How much of a new limit counts at each sample, 0 to 1. */
  readonly smoothing?: number;
  /** Calls that may stand in the other side's queue before that is taken for overload. */
  readonly queueSize?: number;
  /** How many times longer than usual a call may take before the limit falls. */
  readonly tolerance?: number;
  /** The limit changes at most once in this time, and once per ten calls. */
  readonly windowMs?: number;
  /** Windows over which "usual" is averaged. */
  readonly longWindow?: number;
  /** What is left of the limit after a drop. */
  readonly dropRatio?: number;
  /** How often what is usual is measured anew under less load. */
  readonly probeEveryMs?: number;
}

/**
 * The parameters of Netflix's Gradient2 (github.com/Netflix/concurrency-limits, Gradient2Limit.java), where simulation did
 * not ask for others: `tolerance` is 1.5 there, which lets a queue of half the work stand, and `windowMs` 1,000.
 */
export const adaptiveDefaults = {
  initialLimit: 20,
  minLimit: 20,
  maxLimit: 200,
  smoothing: 0.2,
  queueSize: 4,
  tolerance: 1.1,
  windowMs: 250,
  longWindow: 600,
  dropRatio: 0.9,
  probeEveryMs: 10_000,
} as const satisfies Omit<AdaptiveLimitOptions, "clock">;

/** A place among the calls under way. Ends once, by `end`; further calls of its methods do nothing. */
export interface AdaptivePermit {
  /**
   * Notes a duration that tells of the other side's load; only the first counts. For a model call that is the time to
   * the first byte: the whole time says more about the length of the answer. Without one, `end("ok")` takes the whole.
   */
  sample(durationMs: number): void;
  /** `dropped`: the other side refused or timed out (429, 503, 529). `ignored`: the outcome says nothing about load. */
  end(outcome: "ok" | "dropped" | "ignored"): void;
}

export interface AdaptiveLimitStats {
  readonly limit: number;
  readonly inFlight: number;
  readonly refused: number;
  readonly dropped: number;
}

/** As many calls at a time as the other side carries without queueing. */
export interface AdaptiveLimit {
  /** A permit, or undefined when as many calls as the limit are under way. Whoever gets one must end it. */
  tryAcquire(): AdaptivePermit | undefined;
  stats(): AdaptiveLimitStats;
}

/** Fewest samples from which a window or a probe draws a conclusion. */
const minSamples = 10;

/** A mean in the making, of calls that began after `sinceMs`. */
interface Window {
  readonly sinceMs: number;
  sumMs: number;
  count: number;
}

/**
 * Gradient2 over windows (Netflix's WindowedLimit): the limit grows by `queueSize` while calls take as long as usual, and
 * shrinks with the ratio when they take longer. A window has calls that began in it only, so that one queue is not
 * answered twice. Two additions of ours. A drop cuts the limit, once per round trip. And since an average slowly takes a
 * standing queue for usual, every `probeEveryMs` calls are held to half the limit until a few of them show what is usual
 * without one (as Envoy re-measures its minRTT).
 */
export function createAdaptiveLimit(options: AdaptiveLimitOptions): AdaptiveLimit {
  const settings = { ...adaptiveDefaults, ...options };
  const { clock, minLimit, maxLimit, smoothing, queueSize, tolerance, windowMs, longWindow, dropRatio } = settings;
  const { probeEveryMs } = settings;
  const openWindow = (sinceMs: number): Window => ({ sinceMs, sumMs: 0, count: 0 });
  let limit = Math.min(maxLimit, Math.max(minLimit, settings.initialLimit));
  let inFlight = 0;
  let refused = 0;
  let dropped = 0;
  let longMs = 0;
  let windows = 0;
  let window = openWindow(clock.monotonicMs());
  let mostInFlight = 0;
  let lastDropMs = Number.NEGATIVE_INFINITY;
  let nextProbeMs = window.sinceMs + probeEveryMs;
  let refusedAtProbe = 0;
  let probeStartMs: number | undefined;
  /** Open once the calls under way have become few enough. */
  let probe: Window | undefined;

  function setLimit(value: number): void {
    limit = Math.min(maxLimit, Math.max(minLimit, value));
  }

  function endProbe(nowMs: number): void {
    probeStartMs = undefined;
    probe = undefined;
    nextProbeMs = nowMs + probeEveryMs;
    refusedAtProbe = refused;
    window = openWindow(nowMs);
    mostInFlight = inFlight;
  }

  function capacity(nowMs: number): number {
    // Only where calls were refused does a queue stand; below that a probe would refuse calls for nothing.
    if (probeStartMs === undefined && nowMs >= nextProbeMs && refused > refusedAtProbe) probeStartMs = nowMs;
    if (probeStartMs === undefined) return Math.floor(limit);
    // Calls that take long to end are not worth waiting for: those that are over may already show enough.
    if (nowMs - probeStartMs > probeEveryMs / 10) endProbe(nowMs);
    return Math.floor(probeStartMs === undefined ? limit : limit / 2);
  }

  function closeWindow(shortMs: number, nowMs: number): void {
    windows++;
    longMs += (shortMs - longMs) * (windows <= minSamples ? 1 / windows : 2 / (longWindow + 1));
    if (longMs / shortMs > 2) longMs *= 0.9;
    const isUsed = mostInFlight >= limit / 2;
    window = openWindow(nowMs);
    mostInFlight = inFlight;
    if (!isUsed) return;
    const gradient = Math.max(0.5, Math.min(1, (tolerance * longMs) / shortMs));
    setLimit(limit * (1 - smoothing) + (limit * gradient + queueSize) * smoothing);
  }

  function note(startedMs: number, durationMs: number): void {
    const nowMs = clock.monotonicMs();
    const current = probeStartMs === undefined ? window : probe;
    if (!current || startedMs < current.sinceMs) return;
    // A call of no length at all would make every other one look endless.
    current.sumMs += Math.max(durationMs, 0.001);
    current.count++;
    if (current.count < minSamples) return;
    const meanMs = current.sumMs / current.count;
    if (current === probe) {
      longMs = meanMs;
      endProbe(nowMs);
    } else if (nowMs - current.sinceMs >= windowMs) {
      closeWindow(meanMs, nowMs);
    }
  }

  function noteDrop(startedMs: number): void {
    dropped++;
    // Calls sent before the last cut say nothing about the limit that came after it.
    if (startedMs <= lastDropMs) return;
    lastDropMs = clock.monotonicMs();
    setLimit(limit * dropRatio);
  }

  return {
    tryAcquire() {
      const startedMs = clock.monotonicMs();
      if (inFlight >= capacity(startedMs)) {
        refused++;
        return undefined;
      }
      inFlight++;
      mostInFlight = Math.max(mostInFlight, inFlight);
      if (probeStartMs !== undefined) probe ??= openWindow(startedMs);
      let isSampled = false;
      let isEnded = false;
      const sample = (durationMs: number) => {
        if (isSampled || isEnded) return;
        isSampled = true;
        note(startedMs, durationMs);
      };
      return {
        sample,
        end(outcome) {
          if (isEnded) return;
          if (outcome === "ok") sample(clock.monotonicMs() - startedMs);
          isEnded = true;
          if (outcome === "dropped") noteDrop(startedMs);
          inFlight--;
        },
      };
    },
    stats: () => ({ limit: Math.floor(limit), inFlight, refused, dropped }),
  };
}

import type { Clock } from "../service/clock.ts";

/** Within this long an old observation loses 63 % of its weight. */
const decayMs = 10_000;

/** A moving average of answer times that believes bad news at once and good news slowly. */
export interface LatencyAverage {
  observe(latencyMs: number): void;
  /** 0 before the first observation. Falls while nothing is observed, so that an endpoint once slow is tried again. */
  read(): number;
}

/** Finagle's peak EWMA (com.twitter.finagle.loadbalancer.PeakEwma). O(1). */
export function createLatencyAverage(clock: Clock): LatencyAverage {
  let averageMs = 0;
  let stampMs = clock.monotonicMs();
  const observe = (latencyMs: number) => {
    const nowMs = clock.monotonicMs();
    const weight = Math.exp(-(nowMs - stampMs) / decayMs);
    averageMs = latencyMs > averageMs ? latencyMs : averageMs * weight + latencyMs * (1 - weight);
    stampMs = nowMs;
  };
  return {
    observe,
    read() {
      observe(0);
      return averageMs;
    },
  };
}

import type { Clock } from "../service/clock.ts";
import { type DegradationLevel, degradationLevels } from "./degradation-level.ts";

/** What calls for a level. */
export interface DegradationThreshold {
  /** Share of calls that fail, 0 to 1. */
  readonly errorRatio: number;
  /** 95 % of calls should be faster. */
  readonly p95Ms: number;
}

export interface DegradationRules {
  readonly thresholds: Readonly<Record<Exclude<DegradationLevel, "normal">, DegradationThreshold>>;
  /** Fewer calls than this in the last 30 s say nothing. */
  readonly minCalls: number;
  /** How long a level must be called for before it comes. */
  readonly riseMs: number;
  /** How long it must not be called for before it goes. */
  readonly fallMs: number;
}

/** What holds where nothing else is said. */
export const degradationDefaults: DegradationRules = {
  thresholds: {
    reduced: { errorRatio: 0.05, p95Ms: 2_000 },
    essential: { errorRatio: 0.2, p95Ms: 5_000 },
    static: { errorRatio: 0.5, p95Ms: 15_000 },
  },
  minCalls: 20,
  riseMs: 30_000,
  fallMs: 120_000,
};

/** Turns calls into a level. */
export interface DegradationMeter {
  record(durationMs: number, isError: boolean): void;
  /** Judges the last calls, and what is asked for besides. */
  assess(askedFor: DegradationLevel): void;
  level(): DegradationLevel;
}

/** One part of the window over which calls are counted. */
interface Slot {
  number: number;
  calls: number;
  errors: number;
  /** Calls slower than the threshold of each level: more than 5 % of them means that the 95th percentile is. */
  slow: number[];
}

const slotMs = 5_000;
const slots = 6;
const degraded = ["reduced", "essential", "static"] as const;

/** A meter of one feature or of the whole. Takes three numbers of memory per 5 s, however many calls there are. */
export function createDegradationMeter(
  options: Partial<DegradationRules> & { readonly clock: Clock },
): DegradationMeter {
  const { clock, thresholds, minCalls, riseMs, fallMs } = { ...degradationDefaults, ...options };
  const p95Ms = degraded.map((level) => thresholds[level].p95Ms);
  const ring: Slot[] = [];
  /** Since when each level has been called for, and since when it has not; Infinity where the other is true. */
  const since = degraded.map(() => ({ calledMs: Infinity, uncalledMs: Infinity }));
  let rank = 0;

  function measure(): number {
    const oldest = Math.floor(clock.monotonicMs() / slotMs) - slots;
    const current = ring.filter(({ number }) => number > oldest);
    const sum = (of: (slot: Slot) => number) => current.reduce((total, slot) => total + of(slot), 0);
    const calls = sum((slot) => slot.calls);
    if (calls < minCalls) return 0;
    const errorRatio = sum((slot) => slot.errors) / calls;
    const isCalledFor = (level: (typeof degraded)[number], index: number) =>
      errorRatio >= thresholds[level].errorRatio || sum((slot) => slot.slow[index] ?? 0) > 0.05 * calls;
    return degraded.findLastIndex(isCalledFor) + 1;
  }

  return {
    record(durationMs, isError) {
      const number = Math.floor(clock.monotonicMs() / slotMs);
      let slot = ring[number % slots];
      if (slot?.number !== number) {
        slot = emptySlot(number);
        ring[number % slots] = slot;
      }
      slot.calls++;
      if (isError) slot.errors++;
      for (let index = 0; index < p95Ms.length; index++) {
        if (durationMs > (p95Ms[index] as number)) slot.slow[index] = (slot.slow[index] ?? 0) + 1;
      }
    },
    assess(askedFor) {
      const nowMs = clock.monotonicMs();
      const wanted = Math.max(measure(), degradationLevels.indexOf(askedFor));
      for (const [index, level] of since.entries()) {
        const isCalledFor = wanted > index;
        level.calledMs = isCalledFor ? Math.min(level.calledMs, nowMs) : Infinity;
        level.uncalledMs = isCalledFor ? Infinity : Math.min(level.uncalledMs, nowMs);
      }
      const risen = since.findLastIndex(({ calledMs }) => nowMs - calledMs >= riseMs) + 1;
      rank = Math.max(rank, risen);
      while (nowMs - (since[rank - 1]?.uncalledMs ?? Infinity) >= fallMs) rank--;
    },
    level: () => degradationLevels[rank] ?? "normal",
  };
}

function emptySlot(number: number): Slot {
  return { number, calls: 0, errors: 0, slow: [] };
}

import type { Verdict } from "../resilience/judge-error.ts";
import type { Clock } from "../service/clock.ts";

export interface OutlierOptions {
  /** Failures in a row after which an endpoint is ejected. */
  readonly consecutiveFailures: number;
  /** The n-th ejection lasts n times this long, at most `maxEjectionMs`. A ban is forgotten per this long of health. */
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** No more than this share of the endpoints is ejected at a time, rounded down: of one endpoint never any. */
  readonly maxEjectedShare: number;
}

/** Envoy's defaults (outlier_detection.proto), except that half of the endpoints may be out: ours are few. */
export const defaultOutlierOptions: OutlierOptions = {
  consecutiveFailures: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectedShare: 0.5,
};

/** One endpoint's record. */
export interface OutlierRecord {
  /** Notes how a call ended. While the endpoint is ejected nothing is counted: those calls began before. */
  note(verdict: Verdict): void;
  isEjected(): boolean;
  /** Monotonic milliseconds of the end of its last ejection; undefined when it never was ejected. */
  returnedMs(): number | undefined;
  readonly ejections: number;
  /** Forgets the endpoint: it is no longer one of those that share the limit. */
  remove(): void;
}

/** Keeps calls away from endpoints that fail while others do not. */
export interface OutlierDetector {
  add(): OutlierRecord;
}

export function createOutlierDetector(options: OutlierOptions, clock: Clock): OutlierDetector {
  const records = new Set<OutlierRecord>();
  const mayEject = () => {
    const ejected = [...records].filter((record) => record.isEjected()).length;
    return ejected + 1 <= Math.floor(records.size * options.maxEjectedShare);
  };

  return {
    add() {
      let failuresInRow = 0;
      let ejections = 0;
      /** How many times the base the last ejection was; what health has paid off is taken away at the next one. */
      let multiplier = 0;
      let ejectedUntilMs: number | undefined;

      function eject(nowMs: number): void {
        const healthyMs = ejectedUntilMs === undefined ? 0 : nowMs - ejectedUntilMs;
        multiplier = Math.max(0, multiplier - Math.floor(healthyMs / options.baseEjectionMs)) + 1;
        ejectedUntilMs = nowMs + Math.min(multiplier * options.baseEjectionMs, options.maxEjectionMs);
        failuresInRow = 0;
        ejections++;
      }

      const record: OutlierRecord = {
        note(verdict) {
          if (verdict === "ignored" || record.isEjected()) return;
          failuresInRow = verdict === "failure" ? failuresInRow + 1 : 0;
          if (failuresInRow >= options.consecutiveFailures && mayEject()) eject(clock.monotonicMs());
        },
        isEjected: () => ejectedUntilMs !== undefined && clock.monotonicMs() < ejectedUntilMs,
        returnedMs: () => ejectedUntilMs,
        get ejections() {
          return ejections;
        },
        remove: () => records.delete(record),
      };
      records.add(record);
      return record;
    },
  };
}

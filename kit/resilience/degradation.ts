import type { Clock } from "../service/clock.ts";
import { type DegradationLevel, worseLevel } from "./degradation-level.ts";
import { createDegradationMeter, type DegradationMeter, type DegradationRules } from "./degradation-meter.ts";

export interface DegradationChange {
  /** Undefined when the level of the whole changed. */
  readonly feature: string | undefined;
  readonly from: DegradationLevel;
  readonly to: DegradationLevel;
  readonly reason: "automatic" | "manual";
}

export interface DegradationOptions extends Partial<DegradationRules> {
  readonly clock: Clock;
  /** Levels that other parts ask for: an open breaker, a limiter on its own, a spent error budget. Read once a second. */
  readonly signals?: readonly (() => DegradationLevel)[];
  /** As `Degradation.onChange`, from the start on. */
  readonly onChange?: (change: DegradationChange) => void;
}

export interface Degradable<Args extends readonly unknown[], Result> {
  /** Counted and levelled on its own, besides the whole. At most 1,000 features; lower-case words, dashes between. */
  readonly feature: string;
  /** From this level on the fallback answers. */
  readonly level: Exclude<DegradationLevel, "normal">;
  readonly run: (...args: Args) => Promise<Result>;
  readonly fallback: (...args: Args) => Promise<Result> | Result;
}

export interface DegradationStats {
  readonly level: DegradationLevel;
  readonly changes: number;
  readonly features: readonly {
    readonly feature: string;
    readonly level: DegradationLevel;
    readonly changes: number;
    readonly fallbacks: number;
  }[];
}

export interface Degradation {
  /** The level of the whole, or of a feature, which is never better than the whole unless it is forced. */
  level(feature?: string): DegradationLevel;
  /** Notes one call of the whole. Calls of features note themselves. */
  record(durationMs: number, isError: boolean): void;
  /**
   * Wraps a feature: its calls are timed, and from `level` on `fallback` answers instead. An error of `run` is counted
   * and thrown on: a level, not a single error, brings the fallback. Throws a TypeError when the feature is wrapped twice
   * or its name is not fit.
   */
  degradable<Args extends readonly unknown[], Result>(
    feature: Degradable<Args, Result>,
  ): (...args: Args) => Promise<Result>;
  /** Sets a level by hand, for the whole or a feature, until `undefined` gives it back to the measurements. */
  force(level: DegradationLevel | undefined, feature?: string): void;
  /** Adds a signal: a part that starts later asks for levels too. */
  watch(signal: () => DegradationLevel): void;
  /** Calls the listener after each change, in order. What it throws is thrown on the timer: it must not. */
  onChange(listener: (change: DegradationChange) => void): void;
  stats(): DegradationStats;
  stop(): void;
}

interface Unit {
  readonly meter: DegradationMeter;
  forced: DegradationLevel | undefined;
  reported: DegradationLevel;
  changes: number;
  fallbacks: number;
}

const maxFeatures = 1_000;
const assessEveryMs = 1_000;

/**
 * Degradation in three steps below normal, for a whole and its features. Measurements are judged once a second; a level
 * must be called for throughout `riseMs` (30 s) to come and be uncalled for throughout `fallMs` (120 s) to go.
 */
export function createDegradation(options: DegradationOptions): Degradation {
  const { clock } = options;
  const signals = [...(options.signals ?? [])];
  const listeners = options.onChange ? [options.onChange] : [];
  const createUnit = (): Unit => ({
    meter: createDegradationMeter(options),
    forced: undefined,
    reported: "normal",
    changes: 0,
    fallbacks: 0,
  });
  const whole = createUnit();
  const features = new Map<string, Unit>();
  let cancel = clock.setTimer(assessEveryMs, assess);

  /** For the whole, both sides of the comparison are its own. */
  function levelOf(unit: Unit): DegradationLevel {
    return unit.forced ?? worseLevel(whole.forced ?? whole.meter.level(), unit.meter.level());
  }

  function report(reason: DegradationChange["reason"]): void {
    for (const [feature, unit] of [[undefined, whole] as const, ...features]) {
      const to = levelOf(unit);
      const from = unit.reported;
      if (to === from) continue;
      unit.reported = to;
      unit.changes++;
      for (const listener of listeners) listener({ feature, from, to, reason });
    }
  }

  function assess(): void {
    cancel = clock.setTimer(assessEveryMs, assess);
    whole.meter.assess(signals.map((signal) => signal()).reduce(worseLevel, "normal"));
    for (const { meter } of features.values()) meter.assess("normal");
    report("automatic");
  }

  function find(feature: string): Unit {
    const unit = features.get(feature);
    if (!unit) throw new TypeError(`no feature '${feature}' is wrapped`);
    return unit;
  }

  return {
    level: (feature) => levelOf(feature === undefined ? whole : find(feature)),
    record: whole.meter.record,
    degradable({ feature, level, run, fallback }) {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(feature)) throw new TypeError(`'${feature}' is no name for a feature`);
      if (features.has(feature)) throw new TypeError(`feature '${feature}' is wrapped twice`);
      if (features.size >= maxFeatures) throw new TypeError(`there are more than ${maxFeatures} features`);
      const unit = createUnit();
      unit.reported = levelOf(unit);
      features.set(feature, unit);
      return async (...args) => {
        if (worseLevel(levelOf(unit), level) === levelOf(unit)) {
          unit.fallbacks++;
          return fallback(...args);
        }
        const startMs = clock.monotonicMs();
        let isError = true;
        try {
          const result = await run(...args);
          isError = false;
          return result;
        } finally {
          unit.meter.record(clock.monotonicMs() - startMs, isError);
        }
      };
    },
    force(level, feature) {
      (feature === undefined ? whole : find(feature)).forced = level;
      report("manual");
    },
    watch: (signal) => void signals.push(signal),
    onChange: (listener) => void listeners.push(listener),
    stats: () => ({
      level: levelOf(whole),
      changes: whole.changes,
      features: [...features].map(([feature, unit]) => {
        return { feature, level: levelOf(unit), changes: unit.changes, fallbacks: unit.fallbacks };
      }),
    }),
    stop: () => cancel(),
  };
}

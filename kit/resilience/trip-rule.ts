/** Trips on the `maxFailures`-th failure in a row. */
export interface ConsecutiveTrip {
  readonly kind: "consecutive";
  readonly maxFailures: number;
}

/** Trips when of at least `minCalls` calls within `windowMs` the share `failureRatio` (0–1] has failed. */
export interface RatioTrip {
  readonly kind: "ratio";
  readonly windowMs: number;
  readonly minCalls: number;
  readonly failureRatio: number;
}

/** Decides from the ends of calls when a breaker opens. */
export interface TripRule {
  /** Notes the end of one call; true when the breaker has to open now. O(1), allocates nothing. */
  record(isFailure: boolean, nowMs: number): boolean;
  /** Forgets everything. */
  clear(): void;
}

export function createTripRule(trip: ConsecutiveTrip | RatioTrip): TripRule {
  return trip.kind === "consecutive" ? createConsecutiveRule(trip) : createRatioRule(trip);
}

function createConsecutiveRule({ maxFailures }: ConsecutiveTrip): TripRule {
  let failures = 0;
  return {
    record(isFailure) {
      failures = isFailure ? failures + 1 : 0;
      return failures >= maxFailures;
    },
    clear() {
      failures = 0;
    },
  };
}

/** The window moves on by a tenth of itself at a time, so it covers between nine and ten tenths of `windowMs`. */
const slots = 10;

function createRatioRule({ windowMs, minCalls, failureRatio }: RatioTrip): TripRule {
  const slotMs = windowMs / slots;
  const calls = new Uint32Array(slots);
  const failures = new Uint32Array(slots);
  let callTotal = 0;
  let failureTotal = 0;
  let slot = 0;
  /** Held in an object: a number with decimals in a variable of its own would be allocated anew on each change. */
  const current = { endMs: Number.NEGATIVE_INFINITY };

  function clear(): void {
    calls.fill(0);
    failures.fill(0);
    callTotal = 0;
    failureTotal = 0;
  }

  /** Begins the slot in which `nowMs` lies. A clock that steps back stays in the slot where it was. */
  function moveTo(nowMs: number): void {
    const steps = Math.floor((nowMs - current.endMs) / slotMs) + 1;
    if (steps >= slots) {
      clear();
      current.endMs = nowMs + slotMs;
      return;
    }
    for (let step = 0; step < steps; step++) {
      slot = (slot + 1) % slots;
      callTotal -= calls[slot] ?? 0;
      failureTotal -= failures[slot] ?? 0;
      calls[slot] = 0;
      failures[slot] = 0;
    }
    current.endMs += steps * slotMs;
  }

  return {
    record(isFailure, nowMs) {
      if (nowMs >= current.endMs) moveTo(nowMs);
      calls[slot] = (calls[slot] ?? 0) + 1;
      callTotal++;
      if (!isFailure) return false;
      failures[slot] = (failures[slot] ?? 0) + 1;
      failureTotal++;
      return callTotal >= minCalls && failureTotal / callTotal >= failureRatio;
    },
    clear,
  };
}

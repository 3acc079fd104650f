/** What a proxy does to the connections through it. What is left out does not happen. */
export interface ChaosFaults {
  /** Bytes arrive this much later, in both directions; in order. */
  readonly latencyMs?: number;
  /** On top of `latencyMs`, drawn anew for each piece, from 0 to this. */
  readonly jitterMs?: number;
  /** How fast bytes go in each direction of each connection. */
  readonly bytesPerSecond?: number;
  /** The connection is reset when this many bytes of the answer have passed. */
  readonly cutAfterBytes?: number;
  /** When one side ends, the other hears of it this much later. */
  readonly slowCloseMs?: number;
  /**
   * What becomes of a new connection instead of reaching the target: `reset` at once, or a `black_hole`, which accepts
   * and is silent for ever.
   */
  readonly onConnect?: "reset" | "black_hole";
  /** Nothing passes in either direction; what was on its way arrives when it is over. New connections wait. */
  readonly isPartitioned?: boolean;
}

const bounds: Readonly<Record<string, readonly [least: number, most: number]>> = {
  latencyMs: [0, 600_000],
  jitterMs: [0, 600_000],
  bytesPerSecond: [1, 10_000_000_000],
  cutAfterBytes: [0, 10_000_000_000],
  slowCloseMs: [0, 600_000],
};

/** Throws a RangeError that names the first figure out of bounds. */
export function checkFaults(faults: ChaosFaults): void {
  for (const [name, value] of Object.entries(faults)) {
    const bound = bounds[name];
    if (bound && !(typeof value === "number" && value >= bound[0] && value <= bound[1])) {
      throw new RangeError(`${name} must be a number from ${bound[0]} to ${bound[1]}`);
    }
  }
}

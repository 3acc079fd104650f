import type { Clock } from "../service/clock.ts";
import type { LoggedEvent } from "./event-reader.ts";

/** How fast events come again: "max", or how many times faster than they once came. */
export type ReplaySpeed = "max" | number;

/** Spreads events over time as they were once spread, from the first that it is asked about. */
export interface ReplayPace {
  /** How many of the events, which are in order, are due; and how long until the first of them is. */
  findDue(rows: readonly LoggedEvent[]): { readonly count: number; readonly waitMs: number };
}

/** Throws a RangeError for a speed that is not above 0. */
export function createReplayPace(clock: Clock, speed: ReplaySpeed): ReplayPace {
  if (speed !== "max" && !(speed > 0)) throw new RangeError(`a replay's speed is above 0, not ${speed}`);
  let start: { readonly eventMs: number; readonly clockMs: number } | undefined;
  return {
    findDue(rows) {
      const [first] = rows;
      if (speed === "max" || !first) return { count: rows.length, waitMs: 0 };
      start ??= { eventMs: first.time.getTime(), clockMs: clock.monotonicMs() };
      const { eventMs, clockMs } = start;
      const waitMs = (row: LoggedEvent) => (row.time.getTime() - eventMs) / speed - (clock.monotonicMs() - clockMs);
      const firstLater = rows.findIndex((row) => waitMs(row) > 0);
      return { count: firstLater === -1 ? rows.length : firstLater, waitMs: Math.max(0, waitMs(first)) };
    },
  };
}

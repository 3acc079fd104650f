import type { Database } from "../db/database.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import type { DurableSubscription } from "./event.ts";
import { findEnd, type LoggedEvent, readRange } from "./event-reader.ts";
import { handleEvent } from "./handle-event.ts";

/** Which part of the log is replayed; what is left out does not restrict. */
export interface ReplayRange {
  /** Only events after this number of the log. */
  readonly afterSeq?: bigint;
  /** Only events up to this number. By default, and at most, the end of the log when the replay starts. */
  readonly untilSeq?: bigint;
  /** Only events stamped at this time or later. */
  readonly fromMs?: number;
  /** Only events stamped before this time. */
  readonly beforeMs?: number;
  /** Among the types that the handler names. */
  readonly types?: readonly string[];
  readonly keys?: readonly string[];
}

export interface ReplayOptions {
  /** The service's own database, in whose transactions the handler runs. */
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  /** Its `isReplayable` must be true: a handler whose effects leave the database would have them again. */
  readonly subscription: DurableSubscription;
  readonly range?: ReplayRange;
  /** "max", or how many times faster than the events once came. Default "max". */
  readonly speed?: "max" | number;
  /** Pauses the replay: it resolves after the batch under way. */
  readonly signal?: AbortSignal;
  /** Of a paused replay that goes on; give its `lastSeq` as `afterSeq`, and its `untilSeq`. */
  readonly replayId?: string;
  /** Called after each batch is committed. */
  readonly onProgress?: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  readonly replayId: string;
  /** Events handled since this call began. */
  readonly handled: number;
  /** Number of the last one handled; where a paused replay goes on. */
  readonly lastSeq: bigint;
  readonly untilSeq: bigint;
  readonly isComplete: boolean;
}

const batchSize = 100;

/**
 * Gives a range of the log to a handler once more, in order, marked with a replay's id. The subscription's own position
 * and its parked events are not touched, and it may run meanwhile. Rejects with what the handler throws; the batch in
 * which that happens leaves nothing, those before stay. Throws a TypeError for a handler that does not allow replays,
 * and a RangeError for a speed that is not above 0.
 */
export async function replayEvents(options: ReplayOptions): Promise<ReplayProgress> {
  const { db, clock, subscription, range = {}, speed = "max", signal } = options;
  if (!subscription.isReplayable) throw new TypeError(`subscription ${subscription.name} does not allow replays`);
  if (speed !== "max" && !(speed > 0)) throw new RangeError(`a replay's speed is above 0, not ${speed}`);
  const own = subscription.events.map(({ type }) => type);
  const types = range.types ? own.filter((type) => range.types?.includes(type)) : own;
  const endSeq = await findEnd(db.sql, types);
  const untilSeq = range.untilSeq !== undefined && range.untilSeq < endSeq ? range.untilSeq : endSeq;
  const replayId = options.replayId ?? options.random.id("rpl");
  const pace = createPace(clock, speed);
  let lastSeq = range.afterSeq ?? 0n;
  let handled = 0;
  const progress = (isComplete: boolean) => ({ replayId, handled, lastSeq, untilSeq, isComplete });

  for (;;) {
    const rows = await readRange(db.sql, { ...range, types, afterSeq: lastSeq, untilSeq }, batchSize);
    if (rows.length === 0) return progress(true);
    for (let index = 0; index < rows.length; ) {
      const due = await pace.takeDue(rows.slice(index), signal);
      const last = due.at(-1);
      if (!last || signal?.aborted) return progress(false);
      await db.transaction(async (tx) => {
        for (const row of due) await handleEvent(tx, subscription, row, { replayId });
      });
      index += due.length;
      handled += due.length;
      lastSeq = last.seq;
      options.onProgress?.(progress(false));
    }
  }
}

/** Spreads events over time as they were once spread, `speed` times faster. */
function createPace(clock: Clock, speed: "max" | number) {
  let start: { readonly eventMs: number; readonly clockMs: number } | undefined;
  return {
    /** Waits for the first and gives back all that are due by then; none when the signal aborts first. */
    async takeDue(rows: readonly LoggedEvent[], signal: AbortSignal | undefined): Promise<readonly LoggedEvent[]> {
      const [first] = rows;
      if (speed === "max" || !first) return rows;
      start ??= { eventMs: first.time.getTime(), clockMs: clock.monotonicMs() };
      const { eventMs, clockMs } = start;
      const waitMs = (row: LoggedEvent) => (row.time.getTime() - eventMs) / speed - (clock.monotonicMs() - clockMs);
      try {
        while (waitMs(first) > 0) await delay(clock, Math.min(waitMs(first), maxTimerMs), signal);
      } catch (err) {
        if (signal?.aborted) return [];
        throw err;
      }
      const firstLater = rows.findIndex((row) => waitMs(row) > 0);
      return firstLater === -1 ? rows : rows.slice(0, firstLater);
    },
  };
}

/** Longer timers fire at once (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args). */
const maxTimerMs = 2_147_483_647;

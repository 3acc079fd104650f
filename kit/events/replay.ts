import type { Database, Tx } from "../db/database.ts";
import type { Tracer } from "../observability/tracing.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import type { DurableSubscription } from "./event.ts";
import { findEnd, readRange } from "./event-reader.ts";
import { handleEvent } from "./handle-event.ts";
import { createReplayPace, type ReplayPace } from "./replay-pace.ts";

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
/** Longer timers fire at once (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args). */
const maxTimerMs = 2_147_483_647;

/**
 * Gives a range of the log to a handler once more, in order, marked with a replay's id. The subscription's own position
 * and its parked events are not touched, and it may run meanwhile. Rejects with what the handler throws; the batch in
 * which that happens leaves nothing, those before stay. Throws a TypeError for a handler that does not allow replays,
 * and a RangeError for a speed that is not above 0.
 */
export async function replayEvents(options: ReplayOptions): Promise<ReplayProgress> {
  const { db, clock, subscription, range = {}, speed = "max", signal } = options;
  const pace = createReplayPace(clock, speed);
  const types = typesOfReplay(subscription, range.types);
  const endSeq = await findEnd(db.sql, types);
  const untilSeq = range.untilSeq !== undefined && range.untilSeq < endSeq ? range.untilSeq : endSeq;
  const replayId = options.replayId ?? options.random.id("rpl");
  let lastSeq = range.afterSeq ?? 0n;
  let handled = 0;
  const progress = (isComplete: boolean) => ({ replayId, handled, lastSeq, untilSeq, isComplete });

  while (!signal?.aborted) {
    const batch = await db.transaction((tx) =>
      replayBatch(tx, {
        subscription,
        replayId,
        pace,
        limit: batchSize,
        range: { ...range, afterSeq: lastSeq, untilSeq },
      }),
    );
    if (batch.isComplete) return progress(true);
    if (batch.waitMs > 0) {
      await delay(clock, Math.min(batch.waitMs, maxTimerMs), signal).catch((err) => {
        if (!signal?.aborted) throw err;
      });
      continue;
    }
    handled += batch.handled;
    lastSeq = batch.lastSeq;
    options.onProgress?.(progress(false));
  }
  return progress(false);
}

export interface ReplayBatchOptions {
  readonly subscription: DurableSubscription;
  readonly replayId: string;
  readonly pace: ReplayPace;
  /** `untilSeq` must be settled. */
  readonly range: ReplayRange & { readonly afterSeq: bigint; readonly untilSeq: bigint };
  readonly limit: number;
  readonly tracer?: Tracer | undefined;
  /** Told before each event is handled. */
  readonly onEvent?: (eventId: string) => void;
}

export interface ReplayBatch {
  readonly handled: number;
  readonly lastSeq: bigint;
  /** How long until the next event is due; 0 when some were handled. */
  readonly waitMs: number;
  /** True when nothing of the range is left; then nothing was handled. */
  readonly isComplete: boolean;
}

/** Handles the next events of a replay that are due, in the caller's transaction. Throws as `replayEvents` does. */
export async function replayBatch(tx: Tx, options: ReplayBatchOptions): Promise<ReplayBatch> {
  const { subscription, replayId, pace, range, limit, tracer } = options;
  const types = typesOfReplay(subscription, range.types);
  const rows = await readRange(tx, { ...range, types }, limit);
  const { count, waitMs } = pace.findDue(rows);
  const due = rows.slice(0, count);
  for (const row of due) {
    options.onEvent?.(row.id);
    await handleEvent(tx, subscription, row, { replayId }, tracer);
  }
  return {
    handled: count,
    lastSeq: due.at(-1)?.seq ?? range.afterSeq,
    waitMs: count > 0 ? 0 : waitMs,
    isComplete: rows.length === 0,
  };
}

function typesOfReplay({ name, events, isReplayable }: DurableSubscription, wanted?: readonly string[]): string[] {
  if (!isReplayable) throw new TypeError(`subscription ${name} does not allow replays`);
  const own = events.map(({ type }) => type);
  return wanted ? own.filter((type) => wanted.includes(type)) : own;
}

import type { Database } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import type { Job } from "../service/define-service.ts";

export interface LogRetentionOptions {
  /** The event log's own database: `cluster.open(eventLogName)`. */
  readonly db: Database;
  readonly clock: Clock;
  /** How long every event is kept at least. */
  readonly keepMs: number;
  /** Rows that one statement looks at. Default 1,000. */
  readonly batchSize?: number;
  /** Default one hour. */
  readonly everyMs?: number;
}

const defaultBatchSize = 1_000;
const defaultEveryMs = 3_600_000;

/**
 * The job that deletes events older than `keepMs`. An event stays while a durable subscription to its type has not
 * passed it, while it is parked, and when it belongs to a stream. Each batch is a transaction of its own, so a run that
 * is cut short has lost nothing; runs may overlap.
 */
export function createLogRetention(options: LogRetentionOptions): Job & {
  /** One run; gives back how many events are gone. */
  prune(signal: AbortSignal): Promise<number>;
} {
  const { db, clock, keepMs, batchSize = defaultBatchSize, everyMs = defaultEveryMs } = options;

  async function prune(signal: AbortSignal): Promise<number> {
    const before = new Date(clock.nowMs() - keepMs);
    let afterSeq = 0n;
    let total = 0;
    while (!signal.aborted) {
      const [batch] = await db.sql<{ last_seq: bigint; deleted: bigint }[]>`
        select * from event_log.delete_passed(${afterSeq}, ${before}, ${batchSize})`;
      if (!batch) break;
      afterSeq = batch.last_seq;
      total += Number(batch.deleted);
    }
    return total;
  }

  return {
    name: "event-log-retention",
    everyMs,
    prune,
    async run(signal) {
      await prune(signal);
    },
  };
}

import { type BatchRow, hasEnded } from "./batch-row.ts";

const dayMs = 86_400_000;

/** As Anthropic's API shows it (platform.claude.com/docs/en/api/retrieving-message-batches). `prefix` is where its results stand. */
export function toMessageBatch(row: BatchRow, prefix: string) {
  const { batchId, status, isSettled, createdAt } = row;
  const { counts, times } = row.progress;
  // Until what was answered is charged, nothing of it is shown.
  const isEnded = isSettled && hasEnded(status);
  const unmade = isEnded ? counts.total - counts.completed - erroredOf(row) : 0;
  const at = (seconds: number | undefined) => (seconds === undefined ? null : new Date(seconds * 1_000).toISOString());
  const endedAt = times.completed_at ?? times.cancelled_at ?? times.expired_at ?? times.failed_at;
  const isCanceling = !isEnded && row.isCancelWanted;
  return {
    ...{ id: batchId, type: "message_batch" as const },
    processing_status: isEnded ? ("ended" as const) : isCanceling ? ("canceling" as const) : ("in_progress" as const),
    request_counts: {
      processing: isEnded ? 0 : counts.total,
      succeeded: isEnded ? counts.completed : 0,
      errored: isEnded ? erroredOf(row) : 0,
      canceled: status === "expired" ? 0 : unmade,
      expired: status === "expired" ? unmade : 0,
    },
    created_at: createdAt.toISOString(),
    expires_at: at(times.expires_at) ?? new Date(createdAt.getTime() + dayMs).toISOString(),
    ended_at: isEnded ? (at(endedAt) ?? createdAt.toISOString()) : null,
    cancel_initiated_at: at(times.cancelling_at),
    archived_at: null,
    results_url: isEnded ? `${prefix}/messages/batches/${batchId}/results` : null,
  };
}

/** Of a batch that came to nothing, all have. */
function erroredOf({ status, progress: { counts } }: BatchRow): number {
  return status === "failed" ? counts.total - counts.completed : (counts.errored ?? 0);
}

import { type BatchRow, hasEnded } from "./batch-row.ts";

const states = {
  ...{ validating: "PENDING", in_progress: "RUNNING", finalizing: "RUNNING", cancelling: "RUNNING" },
  ...{ completed: "SUCCEEDED", failed: "FAILED", expired: "EXPIRED", cancelled: "CANCELLED" },
} as const;

function kindOf({ endpoint }: BatchRow): string {
  return endpoint === "/v1/embeddings" ? "EmbedContentBatch" : "GenerateContentBatch";
}

/** As Google's API shows it: an operation (ai.google.dev/api/batch-api). Its answers stand in none. */
export function toContentBatch(row: BatchRow) {
  const { batchId, status, isSettled, createdAt, polledAt, metadata } = row;
  const { counts, times } = row.progress;
  // Until what was answered is charged, it goes on.
  const isEnded = isSettled && hasEnded(status);
  const name = `batches/${batchId}`;
  const endedAt = times.completed_at ?? times.cancelled_at ?? times.expired_at ?? times.failed_at;
  const failed = isEnded ? counts.total - counts.completed : 0;
  const ended = endedAt === undefined ? createdAt : new Date(endedAt * 1_000);
  return {
    name,
    metadata: {
      "@type": `type.googleapis.com/google.ai.generativelanguage.v1main.${kindOf(row)}`,
      ...{ name, model: `models/${row.model}`, displayName: metadata?.["displayName"] ?? "" },
      state: `BATCH_STATE_${isSettled || !hasEnded(status) ? states[status] : "RUNNING"}`,
      createTime: createdAt.toISOString(),
      updateTime: (isEnded ? ended : (polledAt ?? createdAt)).toISOString(),
      ...(isEnded && { endTime: ended.toISOString() }),
      batchStats: {
        requestCount: String(counts.total),
        ...(isEnded && { successfulRequestCount: String(counts.completed), failedRequestCount: String(failed) }),
        ...(!isEnded && { pendingRequestCount: String(counts.total) }),
      },
    },
    ...(isEnded && { done: true }),
  };
}

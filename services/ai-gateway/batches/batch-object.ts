import { fieldOf } from "../dialects/openai/usage.ts";
import {
  type BatchError,
  type BatchProgress,
  type BatchRow,
  type BatchStatus,
  batchStatuses,
  type TimeName,
  timeNames,
} from "./batch-row.ts";

const safeCode = /^[a-z0-9_]{1,64}$/;

/** What a provider says of a batch. Its sentences are left out: they may quote what is none of the caller's business. */
export function readProgress(json: unknown, before: BatchProgress): BatchProgress {
  const counts = fieldOf(json, "request_counts");
  const count = (name: "total" | "completed" | "failed") => readWhole(fieldOf(counts, name)) ?? before.counts[name];
  const times = timeNames.flatMap((name) => {
    const at = readWhole(fieldOf(json, name)) ?? before.times[name];
    return at === undefined ? [] : [[name, at] as const];
  });
  const data = fieldOf(fieldOf(json, "errors"), "data");
  const errors = Array.isArray(data) ? data.slice(0, 100).map(toBatchError) : before.errors;
  return {
    counts: { ...before.counts, completed: count("completed"), failed: count("failed") },
    times: Object.fromEntries(times),
    errors,
  };
}

/** Undefined for what is no status of a batch. */
export function readStatus(json: unknown): BatchStatus | undefined {
  return batchStatuses.find((status) => status === fieldOf(json, "status"));
}

export function toBatchError(said: unknown): BatchError {
  const code = fieldOf(said, "code");
  const shown = typeof code === "string" && safeCode.test(code) ? code : "batch_failed";
  return {
    code: shown,
    message: `The provider refuses the batch: ${shown}.`,
    param: null,
    line: readWhole(fieldOf(said, "line")) ?? null,
  };
}

function readWhole(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** As OpenAI's API shows it (platform.openai.com/docs/api-reference/batch/object). */
export function toBatchObject(row: BatchRow) {
  const { counts, times, errors } = row.progress;
  const at = (name: TimeName) => times[name] ?? null;
  return {
    id: row.batchId,
    object: "batch" as const,
    endpoint: row.endpoint,
    model: row.model,
    errors: errors.length > 0 ? { object: "list" as const, data: [...errors] } : null,
    input_file_id: row.inputFileId,
    completion_window: "24h" as const,
    status: row.status,
    output_file_id: row.outputFileId,
    error_file_id: row.errorFileId,
    created_at: Math.floor(row.createdAt.getTime() / 1_000),
    in_progress_at: at("in_progress_at"),
    expires_at: at("expires_at"),
    finalizing_at: at("finalizing_at"),
    completed_at: at("completed_at"),
    failed_at: at("failed_at"),
    expired_at: at("expired_at"),
    cancelling_at: at("cancelling_at"),
    cancelled_at: at("cancelled_at"),
    request_counts: { total: counts.total, completed: counts.completed, failed: counts.failed },
    metadata: row.metadata,
  };
}

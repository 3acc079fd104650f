import type { SimulatedBatch } from "./batches.ts";
import { badRequest } from "./wire-error.ts";

const statuses: Readonly<Record<string, string>> = {
  ...{ validating: "QUEUED", in_progress: "RUNNING", completed: "SUCCESS", failed: "FAILED" },
  ...{ expired: "TIMEOUT_EXCEEDED", cancelling: "CANCELLATION_REQUESTED", cancelled: "CANCELLED" },
};

/** A batch that is asked for as one of Mistral's jobs (docs.mistral.ai/api/endpoint/batch). Throws a WireError for what that API refuses. */
export function toBatchRequest({ input_files: files, endpoint, model, metadata, ...others }: Record<string, unknown>) {
  const [file] = Array.isArray(files) ? files : [];
  if (typeof file !== "string") throw badRequest("input_files", "Simulated jobs are made of one file.");
  if (typeof model !== "string") throw badRequest("model", "A job names its model.");
  const unknown = Object.keys(others).find((name) => name !== "timeout_hours");
  if (unknown !== undefined) throw badRequest(unknown, "Extra inputs are not permitted.");
  return { input_file_id: file, endpoint, completion_window: "24h", metadata, model };
}

/** As that API shows it. */
export function toJob(batch: SimulatedBatch) {
  const { completed, failed, total } = batch.request_counts;
  return {
    ...{ id: batch.id, object: "batch", input_files: [batch.input_file_id], metadata: batch.metadata },
    ...{ endpoint: batch.endpoint, model: batch.model ?? null, status: statuses[batch.status], outputs: null },
    ...{ output_file: batch.output_file_id, error_file: batch.error_file_id },
    errors: batch.errors ? [{ message: "Simulated: a line is no request.", count: 1 }] : [],
    ...{ created_at: batch.created_at, started_at: batch.in_progress_at },
    completed_at: batch.completed_at ?? batch.failed_at ?? batch.expired_at ?? batch.cancelled_at,
    ...{ total_requests: total, completed_requests: completed + failed },
    ...{ succeeded_requests: completed, failed_requests: failed },
  };
}

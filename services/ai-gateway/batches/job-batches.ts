import { fieldOf } from "../dialects/openai/usage.ts";
import type { Target } from "../model.ts";
import { markName } from "./account-batches.ts";
import { type AccountDeps, createAccountClient, toJsonBody } from "./account-client.ts";
import { createFileBatches, type FileBatches } from "./file-batches.ts";

/** What Mistral calls the states of a job. */
const statuses: Readonly<Record<string, string>> = {
  ...{ QUEUED: "validating", RUNNING: "in_progress", SUCCESS: "completed", FAILED: "failed" },
  ...{ TIMEOUT_EXCEEDED: "expired", CANCELLATION_REQUESTED: "cancelling", CANCELLED: "cancelled" },
};
const timesOfEnds: Readonly<Record<string, string>> = {
  ...{ completed: "completed_at", failed: "failed_at", expired: "expired_at", cancelled: "cancelled_at" },
};
const timeoutHours = 24;
const pageSize = 100;
const maxPages = 10;

/**
 * Mistral's batches (docs.mistral.ai/api/endpoint/batch): jobs of files, which are sent and read as OpenAI's are. A job names its model, and its lines
 * have neither method nor url (`toJobLine`).
 */
export function createJobBatches(deps: AccountDeps, target: Target): FileBatches {
  const { ask } = createAccountClient(deps, target);
  const at = (id: string) => `/batch/jobs/${encodeURIComponent(id)}`;
  return {
    ...createFileBatches(deps, target),
    async create({ fileId, endpoint, mark }) {
      const job = {
        ...{ input_files: [fileId], endpoint, model: target.model.upstreamName, timeout_hours: timeoutHours },
        metadata: { [markName]: mark },
      };
      return toBatch(await ask({ method: "POST", endpoint: "/batch/jobs", body: toJsonBody(job) }));
    },
    get: async (id) => toBatch(await ask({ method: "GET", endpoint: at(id) })),
    async cancel(id) {
      await ask({ method: "POST", endpoint: `${at(id)}/cancel`, accepted: [400, 404, 409, 422] });
    },
    async findByMark(mark) {
      for (let page = 0; page < maxPages; page++) {
        const listed = await ask({ method: "GET", endpoint: `/batch/jobs?page=${page}&page_size=${pageSize}` });
        const data = fieldOf(listed, "data");
        const jobs: readonly unknown[] = Array.isArray(data) ? data : [];
        const found = jobs.find((job) => fieldOf(fieldOf(job, "metadata"), markName) === mark);
        if (found) return toBatch(found);
        if (jobs.length < pageSize) return undefined;
      }
      return undefined;
    },
  };
}

/** A request as a line of a job's file. */
export function toJobLine(customId: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`{"custom_id":${JSON.stringify(customId)},"body":`), body, Buffer.from("}")]);
}

/** In OpenAI's form, as `readProgress` reads it. */
function toBatch(job: unknown): object {
  const status = statuses[String(fieldOf(job, "status"))];
  const endedAt = status && timesOfEnds[status];
  const errors = fieldOf(job, "errors");
  return {
    ...{ id: fieldOf(job, "id"), status },
    request_counts: { completed: fieldOf(job, "succeeded_requests"), failed: fieldOf(job, "failed_requests") },
    in_progress_at: fieldOf(job, "started_at"),
    ...(endedAt && { [endedAt]: fieldOf(job, "completed_at") }),
    ...(Array.isArray(errors) && errors.length > 0 && { errors: { data: errors.map(() => ({})) } }),
    ...{ output_file_id: fieldOf(job, "output_file"), error_file_id: fieldOf(job, "error_file") },
  };
}

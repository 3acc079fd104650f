import { fieldOf } from "../dialects/openai/usage.ts";
import type { Owner } from "../responses/response-store.ts";

/** By what a job of ours is known at its provider, should the answer to its creation be lost. */
export const markName = "lyss_job";

export const jobStatuses = [
  ...(["validating_files", "queued", "running", "paused"] as const),
  ...(["succeeded", "failed", "cancelled"] as const),
] as const;
const overStatuses: readonly unknown[] = ["succeeded", "failed", "cancelled"];

type Fields = Readonly<Record<string, unknown>>;

export interface JobRow extends Owner {
  readonly jobId: string;
  readonly providerId: string;
  /** As it was asked for, and as its provider's account has it. */
  readonly model: string;
  readonly targetModel: string;
  readonly trainingFileId: string;
  readonly validationFileId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Null until its provider has said that it has it. */
  readonly upstreamId: string | null;
  /** What its provider said last, with the ids of its results as they are here. */
  readonly seen: Fields | null;
  /** True for one that changes no more. */
  readonly isOver: boolean;
  readonly polledAt: Date | null;
  readonly createdAt: Date;
}

export function isOver(said: unknown): boolean {
  return overStatuses.includes(fieldOf(said, "status"));
}

const text = (value: unknown) => (typeof value === "string" ? value : null);
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);
const fields = (value: unknown): Fields | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;

/** As OpenAI's API shows it (platform.openai.com/docs/api-reference/fine-tuning/object), with the ids and names that are used here. */
export function toJobObject(row: JobRow) {
  const { seen } = row;
  const status = jobStatuses.find((it) => it === seen?.["status"]) ?? "validating_files";
  const results = seen?.["result_files"];
  const integrations: readonly unknown[] = Array.isArray(seen?.["integrations"]) ? seen["integrations"] : [];
  const error = fields(seen?.["error"]);
  return {
    object: "fine_tuning.job" as const,
    id: row.jobId,
    ...{ model: row.model, status, created_at: Math.floor(row.createdAt.getTime() / 1_000) },
    ...{ finished_at: number(seen?.["finished_at"]), estimated_finish: number(seen?.["estimated_finish"]) },
    fine_tuned_model: text(seen?.["fine_tuned_model"]),
    organization_id: text(seen?.["organization_id"]) ?? "",
    ...{ training_file: row.trainingFileId, validation_file: row.validationFileId },
    result_files: Array.isArray(results) ? results.filter((id) => typeof id === "string") : [],
    trained_tokens: number(seen?.["trained_tokens"]),
    seed: number(seen?.["seed"]) ?? 0,
    hyperparameters: fields(seen?.["hyperparameters"]) ?? {},
    method: fields(seen?.["method"]),
    // A job without an error has one without anything in it.
    error: error && text(error["code"]) !== null ? toErrorObject(error) : null,
    metadata: row.metadata,
    integrations: integrations.map(fields).filter((it) => it !== null),
  };
}

function toErrorObject(error: Fields) {
  return { code: text(error["code"]) ?? "", message: text(error["message"]) ?? "", param: text(error["param"]) };
}

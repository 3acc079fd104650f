import { findSimulatedModel } from "./catalogue.ts";
import type { SimulatedFiles } from "./files.ts";
import { badRequest, WireError } from "./wire-error.ts";

/** A job of the simulated provider, as OpenAI's API shows it (platform.openai.com/docs/api-reference/fine-tuning/object). */
interface SimulatedJob {
  readonly object: "fine_tuning.job";
  readonly id: string;
  readonly model: string;
  readonly created_at: number;
  readonly organization_id: string;
  readonly training_file: string;
  readonly validation_file: string | null;
  readonly seed: number;
  readonly metadata: unknown;
  readonly method: unknown;
  readonly hyperparameters: unknown;
  status: string;
  finished_at: number | null;
  fine_tuned_model: string | null;
  result_files: string[];
  trained_tokens: number | null;
  error: object | null;
}

interface Event {
  readonly object: "fine_tuning.job.event";
  readonly id: string;
  readonly created_at: number;
  readonly level: string;
  readonly type: string;
  readonly message: string;
}

interface Entry {
  readonly job: SimulatedJob;
  readonly suffix: string;
  readonly tokens: number;
  endsAtMs: number;
  readonly events: Event[];
}

const defaultMs = 1_000;
const maxJobs = 1_000;
/** Vendors ask for some; this one for two, so that it is quickly tried. */
const minExamples = 2;
const epochs = 3;

/** Fine-tuning that is done when it is due and somebody looks: nothing is trained, and what comes of it answers as its base does. */
export function createSimulatedTuning(files: SimulatedFiles) {
  const entries = new Map<string, Entry>();

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry) return entry;
    throw new WireError(404, `Could not find fine tune: ${id}`, { param: "fine_tune_id" });
  }

  function tell({ job, events }: Entry, message: string, nowMs: number): void {
    const id = `ftevent-${job.id.slice(6)}-${events.length}`;
    const created_at = Math.floor(nowMs / 1_000);
    events.unshift({ object: "fine_tuning.job.event", id, created_at, level: "info", type: "message", message });
  }

  function look(entry: Entry, nowMs: number): SimulatedJob {
    const { job, suffix, tokens, endsAtMs } = entry;
    if (job.status === "validating_files") {
      job.status = "running";
      tell(entry, "Fine-tuning job started", nowMs);
    }
    if (job.status !== "running" || nowMs < endsAtMs) return job;
    const finished = Math.floor(nowMs / 1_000);
    const csv = Buffer.from("step,train_loss\n1,0.9\n2,0.5\n3,0.3\n");
    const results = files.add({ name: "step_metrics.csv", purpose: "fine-tune-results", bytes: csv }, finished);
    job.status = "succeeded";
    job.finished_at = finished;
    job.fine_tuned_model = `ft:${job.model}:simulated:${suffix}:${job.id.slice(-8)}`;
    job.result_files = [results.id];
    job.trained_tokens = tokens * epochs;
    tell(entry, "The job has successfully completed", nowMs);
    return job;
  }

  return {
    create(asked: Readonly<Record<string, unknown>>, id: string, nowMs: number): SimulatedJob {
      const model = findSimulatedModel(String(asked["model"]));
      if (model?.kind !== "chat") throw badRequest("model", "The model is not available for fine-tuning.");
      const [trained] = ["training_file", "validation_file"].map((field) => {
        const fileId = asked[field];
        return typeof fileId === "string" ? examplesOf(files, field, fileId) : undefined;
      });
      if (!trained) throw badRequest("training_file", "'training_file' is a required property");
      const delayMs = Number(/simulate\.tuning_ms=(\d{1,9})/.exec(trained.text)?.[1] ?? defaultMs);
      const entry: Entry = {
        job: {
          ...{ object: "fine_tuning.job", id: `ftjob-${id}`, model: model.name, organization_id: "org-simulated" },
          ...{ created_at: Math.floor(nowMs / 1_000), finished_at: null, fine_tuned_model: null, error: null },
          ...{ training_file: String(asked["training_file"]), status: "validating_files", trained_tokens: null },
          validation_file: typeof asked["validation_file"] === "string" ? asked["validation_file"] : null,
          ...{ seed: Number(asked["seed"] ?? 42), metadata: asked["metadata"] ?? null, result_files: [] },
          method: asked["method"] ?? { type: "supervised", supervised: { hyperparameters: { n_epochs: epochs } } },
          hyperparameters: asked["hyperparameters"] ?? { n_epochs: epochs },
        },
        suffix: typeof asked["suffix"] === "string" ? asked["suffix"] : "",
        ...{ tokens: Math.ceil(trained.text.length / 4), endsAtMs: nowMs + delayMs, events: [] },
      };
      tell(entry, `Validating training file: ${entry.job.training_file}`, nowMs);
      const [oldest] = entries.keys();
      if (entries.size === maxJobs && oldest !== undefined) entries.delete(oldest);
      entries.set(entry.job.id, entry);
      return structuredClone(entry.job);
    },
    get: (id: string, nowMs: number) => look(find(id), nowMs),
    list: (nowMs: number) => [...entries.values()].toReversed().map((entry) => look(entry, nowMs)),
    act(id: string, verb: string, nowMs: number): SimulatedJob {
      const entry = find(id);
      const job = look(entry, nowMs);
      const from = verb === "resume" ? "paused" : "running";
      if (job.status !== from && !(verb === "cancel" && job.status === "paused")) {
        throw new WireError(400, `Job has status ${job.status} and cannot be asked to ${verb}.`, {
          code: "invalid_status",
        });
      }
      job.status = verb === "resume" ? "running" : verb === "pause" ? "paused" : "cancelled";
      if (verb === "cancel") job.finished_at = Math.floor(nowMs / 1_000);
      tell(entry, `The job is ${job.status}`, nowMs);
      return job;
    },
    events(id: string, nowMs: number) {
      const entry = find(id);
      look(entry, nowMs);
      return entry.events;
    },
    checkpoints(id: string, nowMs: number) {
      const { fine_tuned_model: model, finished_at } = look(find(id), nowMs);
      if (model === null) return [];
      return [
        {
          ...{ object: "fine_tuning.job.checkpoint", id: `ftckpt-${id.slice(6)}`, created_at: finished_at ?? 0 },
          ...{ fine_tuning_job_id: id, fine_tuned_model_checkpoint: `${model}:ckpt-step-2`, step_number: 2 },
          metrics: { step: 2, train_loss: 0.5 },
        },
      ];
    },
  };
}

export type SimulatedTuning = ReturnType<typeof createSimulatedTuning>;

function examplesOf(files: SimulatedFiles, field: string, id: string) {
  const { purpose, bytes } = files.get(id);
  if (purpose !== "fine-tune") throw badRequest(field, `File '${id}' must have purpose 'fine-tune'.`);
  const text = bytes.toString("utf8");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length >= minExamples) return { text };
  const message = `Training file has ${lines.length} example(s), but must have at least ${minExamples} examples`;
  throw badRequest(field, message);
}

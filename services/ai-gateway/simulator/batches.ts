import { parseBehaviour } from "./directives.ts";
import { linesOf, type SimulatedFile, type SimulatedFiles, toLines } from "./files.ts";
import { badRequest, WireError } from "./wire-error.ts";

/** A batch of the simulated provider, as OpenAI's API shows it (platform.openai.com/docs/api-reference/batch/object). */
export interface SimulatedBatch {
  readonly id: string;
  readonly object: "batch";
  readonly endpoint: string;
  readonly completion_window: string;
  readonly input_file_id: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly metadata: unknown;
  /** Of a job that names one. */
  readonly model?: string;
  status: string;
  errors: object | null;
  output_file_id: string | null;
  error_file_id: string | null;
  in_progress_at: number | null;
  completed_at: number | null;
  failed_at: number | null;
  expired_at: number | null;
  cancelled_at: number | null;
  cancelling_at: number | null;
  request_counts: { total: number; completed: number; failed: number };
}

/** How a line is answered. */
export type AnswerLine = (
  endpoint: string,
  body: string,
) => Promise<{ readonly status: number; readonly body: unknown }>;

interface Entry {
  readonly batch: SimulatedBatch;
  readonly endsAtMs: number;
  readonly endsAs: "completed" | "expired" | "failed";
  ending: Promise<void> | undefined;
}

const defaultMs = 1_000;
const dayMs = 86_400_000;
const endpoints = new Set(["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]);
const maxBatches = 1_000;

/** Batches that are worked off when they are due and somebody looks: nothing runs by itself. */
export function createSimulatedBatches(files: SimulatedFiles, answer: AnswerLine) {
  const entries = new Map<string, Entry>();

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry) return entry;
    throw new WireError(404, `No batch found with id '${id}'.`);
  }

  async function look(entry: Entry, nowMs: number): Promise<SimulatedBatch> {
    const { batch, endsAtMs } = entry;
    if (batch.status === "validating") begin(batch, nowMs);
    if (batch.status === "in_progress" && nowMs >= endsAtMs) entry.ending ??= end(entry, entry.endsAs, nowMs);
    await entry.ending;
    return batch;
  }

  async function end({ batch }: Entry, status: "completed" | "expired" | "failed" | "cancelled", nowMs: number) {
    const lines = linesOf(files.get(batch.input_file_id));
    const at = Math.floor(nowMs / 1_000);
    if (status === "failed") {
      const data = [{ code: "invalid_json_line", message: "Simulated: a line is no request.", param: null, line: 1 }];
      Object.assign(batch, { status, failed_at: at, errors: { object: "list", data } });
      return;
    }
    // What expires or is cancelled has got half of its work done.
    const done = status === "completed" ? lines.length : Math.floor(lines.length / 2);
    const written: object[] = [];
    const failed: object[] = [];
    for (const [index, { custom_id, body }] of lines.entries()) {
      const id = `batch_req_${index}`;
      if (index >= done) {
        const error = { code: `batch_${status}`, message: `Simulated: the batch has ${status}.` };
        failed.push({ id, custom_id, response: null, error });
        continue;
      }
      const { status: status_code, body: answered } = await answer(batch.endpoint, JSON.stringify(body));
      const response = { status_code, request_id: `req_${index}`, body: answered };
      (status_code === 200 ? written : failed).push({ id, custom_id, response, error: null });
    }
    const keep = (name: string, some: readonly object[]) =>
      some.length > 0 ? files.add({ name, purpose: "batch_output", bytes: toLines(some) }, at).id : null;
    batch.output_file_id = keep("output.jsonl", written);
    batch.error_file_id = keep("errors.jsonl", failed);
    batch.request_counts = { total: lines.length, completed: written.length, failed: failed.length };
    Object.assign(batch, { status, [`${status}_at`]: at });
  }

  return {
    /** Throws a WireError for what the API refuses. */
    create(asked: Readonly<Record<string, unknown>>, id: string, nowMs: number): SimulatedBatch {
      const { endpoint, input_file_id: fileId, completion_window: window, metadata = null, model } = asked;
      if (typeof endpoint !== "string" || !endpoints.has(endpoint)) throw badRequest("endpoint", "Invalid endpoint.");
      if (window !== "24h") throw badRequest("completion_window", "Invalid value: the window must be '24h'.");
      const file = files.get(typeof fileId === "string" ? fileId : "");
      const { batch_ms: ms = defaultMs, batch_end: endsAs = "completed" } = behaviourOf(file);
      const at = Math.floor(nowMs / 1_000);
      const batch: SimulatedBatch = {
        ...{ id: `batch_${id}`, object: "batch", endpoint, completion_window: window, input_file_id: file.id },
        ...{ created_at: at, expires_at: at + dayMs / 1_000, metadata, status: "validating", errors: null },
        ...{ output_file_id: null, error_file_id: null, in_progress_at: null, completed_at: null, failed_at: null },
        ...{ expired_at: null, cancelled_at: null, cancelling_at: null },
        request_counts: { total: linesOf(file).length, completed: 0, failed: 0 },
        ...(typeof model === "string" && { model }),
      };
      const [oldest] = entries.keys();
      if (entries.size === maxBatches && oldest !== undefined) entries.delete(oldest);
      entries.set(batch.id, { batch, endsAtMs: nowMs + ms, endsAs, ending: undefined });
      return batch;
    },
    get: (id: string, nowMs: number) => look(find(id), nowMs),
    list: (): readonly SimulatedBatch[] => [...entries.values()].map(({ batch }) => batch).toReversed(),
    async cancel(id: string, nowMs: number): Promise<SimulatedBatch> {
      const entry = find(id);
      const { batch } = entry;
      if (batch.status !== "validating" && batch.status !== "in_progress") {
        throw new WireError(409, `Cannot cancel a batch with status '${batch.status}'.`);
      }
      batch.cancelling_at = Math.floor(nowMs / 1_000);
      entry.ending ??= end(entry, "cancelled", nowMs);
      await entry.ending;
      return batch;
    },
  };
}

export type SimulatedBatches = ReturnType<typeof createSimulatedBatches>;

function begin(batch: SimulatedBatch, nowMs: number): void {
  batch.status = "in_progress";
  batch.in_progress_at = Math.floor(nowMs / 1_000);
}

/** A batch behaves as the words in its first line say. */
function behaviourOf(file: SimulatedFile) {
  const [first] = linesOf(file);
  return parseBehaviour({}, JSON.stringify(first?.body ?? ""), {});
}

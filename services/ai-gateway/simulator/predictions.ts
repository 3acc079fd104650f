import type { Answer } from "./answer.ts";
import type { Behaviour } from "./directives.ts";
import { WireError } from "./wire-error.ts";

/** What a prediction comes to. */
export interface Outcome {
  /** Text in pieces, or addresses of images. */
  readonly output: readonly string[];
  readonly metrics: Readonly<Record<string, number>>;
  /** Why it has no output; undefined where it has. */
  readonly error: string | undefined;
}

interface Entry {
  readonly model: string;
  /** What it was asked for by, where that was no model's name. */
  readonly version: string | undefined;
  readonly input: object;
  readonly outcome: Outcome;
  /** Of a language model: streams it. */
  readonly answer: Answer | undefined;
  readonly behaviour: Behaviour;
  readonly createdAtMs: number;
  /** How long it is starting before its model begins. */
  readonly startsMs: number;
  /** How long its model takes. */
  readonly takesMs: number;
  canceledAtMs?: number;
}

export interface Origins {
  /** Of the API itself. */
  readonly api: () => string;
  /** Of its streams, which have another host. */
  readonly streams: () => string;
}

const maxPredictions = 1_000;

/**
 * Predictions as Replicate's API shows them (replicate.com/docs/reference/http), as far as the clock says: nothing runs by itself. Of more than
 * 1,000 the oldest go.
 */
export function createSimulatedPredictions(origins: Origins) {
  const entries = new Map<string, Entry>();

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry) return entry;
    throw new WireError(404, "The requested resource could not be found.");
  }

  const startOf = ({ createdAtMs, startsMs }: Entry) => createdAtMs + startsMs;
  const wholeOf = (entry: Entry) => startOf(entry) + entry.takesMs;

  function endOf(entry: Entry): number {
    return Math.min(wholeOf(entry), entry.canceledAtMs ?? Number.POSITIVE_INFINITY);
  }

  function statusOf(entry: Entry, nowMs: number): string {
    if (nowMs < endOf(entry)) return nowMs < startOf(entry) ? "starting" : "processing";
    if (endOf(entry) < wholeOf(entry)) return "canceled";
    return entry.outcome.error === undefined ? "succeeded" : "failed";
  }

  function show(id: string, nowMs: number): object {
    const entry = find(id);
    const { model, version = "hidden", input, outcome, answer, createdAtMs, startsMs, takesMs } = entry;
    const status = statusOf(entry, nowMs);
    const toTime = (ms: number) => new Date(ms).toISOString();
    const timeOf = (ms: number) => (nowMs < ms ? null : toTime(ms));
    const startedAtMs = startOf(entry);
    const at = `${origins.api()}/v1/predictions/${id}`;
    return {
      ...{ id, model, version, input, logs: "", data_removed: false, source: "api" },
      output: status === "succeeded" ? outcome.output : null,
      error: status === "failed" ? outcome.error : null,
      ...{ status, created_at: toTime(createdAtMs), completed_at: timeOf(endOf(entry)) },
      started_at: startedAtMs <= endOf(entry) ? timeOf(startedAtMs) : null,
      ...(status === "succeeded" && {
        metrics: { predict_time: takesMs / 1_000, total_time: (startsMs + takesMs) / 1_000, ...outcome.metrics },
      }),
      urls: {
        ...{ get: at, cancel: `${at}/cancel`, web: `https://replicate.com/p/${id}` },
        ...(answer && { stream: `${origins.streams()}/v1/streams/${id}` }),
      },
    };
  }

  return {
    create(id: string, entry: Entry): void {
      const [oldest] = entries.keys();
      if (entries.size === maxPredictions && oldest !== undefined) entries.delete(oldest);
      entries.set(id, entry);
    },
    find,
    show,
    isCanceled: (id: string, nowMs: number) => statusOf(find(id), nowMs) === "canceled",
    /** What is over stays as it is. */
    cancel(id: string, nowMs: number): void {
      find(id).canceledAtMs ??= nowMs;
    },
  };
}

export type SimulatedPredictions = ReturnType<typeof createSimulatedPredictions>;

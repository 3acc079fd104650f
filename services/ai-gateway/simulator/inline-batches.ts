import type { AnswerLine } from "./batches.ts";
import { parseBehaviour } from "./directives.ts";
import { WireError } from "./wire-error.ts";

/** A request that came with its batch. */
export interface InlineRequest {
  readonly key: string;
  /** Where it would be sent by itself. */
  readonly endpoint: string;
  readonly body: object;
  /** Comes back with its answer. */
  readonly metadata?: unknown;
}

/** What came of one; `answer` is undefined where it was never made. */
export interface InlineResult {
  readonly request: InlineRequest;
  readonly answer: Awaited<ReturnType<AnswerLine>> | undefined;
}

export interface InlineBatch {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly requests: readonly InlineRequest[];
  readonly createdMs: number;
  readonly endedMs: number | undefined;
  readonly cancelMs: number | undefined;
  /** Undefined while it goes on. */
  readonly end: "completed" | "expired" | "failed" | "cancelled" | undefined;
  /** In the order of the requests; empty while it goes on. */
  readonly results: readonly InlineResult[];
}

type Entry = { -readonly [F in keyof InlineBatch]: InlineBatch[F] } & {
  readonly endsAtMs: number;
  readonly endsAs: "completed" | "expired" | "failed";
};

const defaultMs = 1_000;
const maxBatches = 1_000;

/** Batches of Anthropic's and Google's forms, which bring their requests along. They are worked off when they are due and somebody looks. */
export function createInlineBatches(answer: AnswerLine) {
  const entries = new Map<string, Entry>();

  function find(id: string): Entry {
    const entry = entries.get(id);
    if (entry) return entry;
    throw new WireError(404, `No batch found with id '${id}'.`);
  }

  async function look(entry: Entry, nowMs: number): Promise<InlineBatch> {
    const isDue = entry.cancelMs !== undefined || nowMs >= entry.endsAtMs;
    if (entry.end === undefined && isDue) {
      entry.end = entry.cancelMs === undefined ? entry.endsAs : "cancelled";
      entry.endedMs = nowMs;
      entry.results = await answerAll(entry);
    }
    return entry;
  }

  /** What expires or is cancelled has got half of its work done; what fails, nothing. */
  async function answerAll({ end, requests }: Entry): Promise<InlineResult[]> {
    const done = end === "completed" ? requests.length : end === "failed" ? 0 : Math.floor(requests.length / 2);
    const results: InlineResult[] = [];
    for (const [index, request] of requests.entries()) {
      const isMade = index < done;
      results.push({
        request,
        answer: isMade ? await answer(request.endpoint, JSON.stringify(request.body)) : undefined,
      });
    }
    return results;
  }

  return {
    create(asked: Pick<InlineBatch, "id" | "name" | "model" | "requests">, nowMs: number): InlineBatch {
      const [first] = asked.requests;
      if (!first) throw new WireError(400, "requests: there must be at least one");
      const { batch_ms: ms = defaultMs, batch_end: endsAs = "completed" } = parseBehaviour(
        ...([{}, JSON.stringify(first.body), {}] as const),
      );
      const times = { createdMs: nowMs, endsAtMs: nowMs + ms, endedMs: undefined, cancelMs: undefined };
      const entry: Entry = { ...asked, ...times, endsAs, end: undefined, results: [] };
      const [oldest] = entries.keys();
      if (entries.size === maxBatches && oldest !== undefined) entries.delete(oldest);
      entries.set(entry.id, entry);
      return entry;
    },
    get: (id: string, nowMs: number) => look(find(id), nowMs),
    list: (): readonly InlineBatch[] => [...entries.values()].toReversed(),
    cancel(id: string, nowMs: number): InlineBatch {
      const entry = find(id);
      if (entry.end !== undefined) throw new WireError(400, `Batch '${id}' has ended.`);
      entry.cancelMs ??= nowMs;
      return entry;
    },
    remove(id: string): void {
      if (find(id).end === undefined) throw new WireError(400, `Batch '${id}' is under way.`);
      entries.delete(id);
    },
  };
}

export type InlineBatches = ReturnType<typeof createInlineBatches>;

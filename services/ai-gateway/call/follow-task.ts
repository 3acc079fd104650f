import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import type { TaskForm, WireTask } from "../providers/wire.ts";

/** How a task is asked about. All but `giveUp` throw the failures of a model call. */
export interface TaskAsker {
  /** What the task's provider says at an endpoint, as JSON. */
  get(endpoint: string): Promise<unknown>;
  /** What an answer says, as JSON. */
  read(answer: Answer): Promise<unknown>;
  /** A stream at an origin, without the provider's key. Throws where it is none of `origins` nor the provider's own. */
  openStream(url: string, origins: readonly string[]): Promise<Answer>;
  /** Ends the task in the background. */
  giveUp(endpoint: string): void;
  pause(delayMs: number): Promise<void>;
  /** A failure for what is not what it should be. */
  fail(): Error;
  readonly signal: AbortSignal;
}

const firstPauseMs = 250;
const maxPauseMs = 4_000;
/** The task goes on, and is paid for, whether or not one look at it fails. */
const maxFailedLooks = 3;
const tailLength = 256;

/**
 * The answer that a task comes to: it itself as JSON when it is over, or its output as it streams, with it itself as the last event. A task
 * whose answer nobody reads to its end is given up.
 */
export async function followTask(asker: TaskAsker, form: TaskForm, first: Answer, isStream: boolean): Promise<Answer> {
  const json = await asker.read(first);
  const task = form.read(json);
  if (!task) throw asker.fail();
  const watch = watchTask(asker, task);
  try {
    if (isStream && task.streamUrl !== undefined) {
      const stream = await asker.openStream(task.streamUrl, form.streamOrigins);
      const outcome = () => untilOver(asker, form, task);
      return watch.hold({ head: stream.head, body: withOutcome(stream, form, outcome), discard: stream.discard });
    }
    const over = task.isOver ? json : await untilOver(asker, form, task);
    const body = isStream ? form.toLastEvent(over) : Buffer.from(JSON.stringify(over));
    watch.end();
    return toAnswer(first, isStream ? "text/event-stream" : "application/json", body);
  } catch (err) {
    watch.giveUp();
    throw err;
  }
}

/** Gives a task up once, unless it is over. */
function watchTask(asker: TaskAsker, { isOver, cancelEndpoint }: WireTask) {
  let isEnded = isOver;
  const { signal } = asker;
  const giveUp = () => {
    if (isEnded) return;
    end();
    asker.giveUp(cancelEndpoint);
  };
  function end(): void {
    isEnded = true;
    signal.removeEventListener("abort", giveUp);
  }
  if (signal.aborted) giveUp();
  else signal.addEventListener("abort", giveUp, { once: true });

  async function* readBody(body: Answer["body"]): AsyncGenerator<Buffer> {
    let isWhole = false;
    try {
      yield* body;
      isWhole = true;
    } finally {
      if (isWhole) end();
      else giveUp();
    }
  }

  return {
    giveUp,
    end,
    /** The answer, with the task in its keeping. */
    hold: ({ head, body, discard }: Answer): Answer => ({
      ...{ head, body: readBody(body) },
      discard() {
        discard();
        giveUp();
      },
    }),
  };
}

async function* withOutcome(
  { body }: Answer,
  { streamEnd, toLastEvent }: TaskForm,
  outcome: () => Promise<unknown>,
): AsyncGenerator<Buffer> {
  let tail = "";
  for await (const chunk of body) {
    tail = (tail + chunk.toString("latin1")).slice(-tailLength);
    yield chunk;
  }
  // A stream that was cut is not waited for.
  if (streamEnd.test(tail)) yield toLastEvent(await outcome());
}

async function untilOver(asker: TaskAsker, form: TaskForm, { endpoint }: WireTask): Promise<unknown> {
  let failedLooks = 0;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
    let json: unknown;
    try {
      json = await asker.get(endpoint);
      failedLooks = 0;
    } catch (err) {
      if (asker.signal.aborted || ++failedLooks === maxFailedLooks) throw err;
    }
    const seen = json === undefined ? undefined : form.read(json);
    if (json !== undefined && !seen) throw asker.fail();
    if (seen?.isOver) return json;
    await asker.pause(pauseMs);
  }
}

function toAnswer({ head }: Answer, contentType: string, bytes: Buffer): Answer {
  async function* body(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  return {
    // The head was that of a task.
    head: { ...head, status: 200, find: (name) => (name === "content-type" ? contentType : head.find(name)) },
    body: body(),
    discard: () => undefined,
  };
}

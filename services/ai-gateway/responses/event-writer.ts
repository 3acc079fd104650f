import type { Clock } from "@lyss/kit/service/clock.ts";
import { type EventTexts, toEventText } from "./response-event.ts";

/** Writes down the events of one response, in order. */
export interface EventWriter {
  /** Takes one event, and gives its number. Once too much waits to be written, `untilRoom` resolves later. */
  add(type: string, data: string): void;
  /** Resolves when more may be added. */
  untilRoom(): Promise<void>;
  /** Bytes of all events so far. */
  readonly bytes: number;
  /** Resolves when all that was added is written. Throws what keeps it from being. */
  flush(): Promise<void>;
  /** Writes no more. */
  close(): void;
}

/** A batch is begun at most so often, and holds whatever has come meanwhile. */
export const batchMs = 100;
const retryMs = 1_000;
/** So much may wait. */
const maxWaitingBytes = 1_048_576;

export function createEventWriter(deps: {
  readonly clock: Clock;
  /** The number of the first event. */
  readonly sequence: number;
  /** False when there is nothing to write to any more. May be called again with the same. */
  write(firstSequence: number, events: EventTexts): Promise<boolean>;
  onError(err: unknown): void;
}): EventWriter {
  const { clock, write, onError } = deps;
  let next = deps.sequence;
  let bytes = 0;
  let waiting: string[] = [];
  let waitingBytes = 0;
  /** What is being written, or is to be again: exactly this, for it may have been written. */
  let batch: { readonly first: number; readonly events: EventTexts } | undefined;
  let writing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let notBeforeMs = 0;
  let isClosed = false;
  let room = Promise.withResolvers<void>();

  function close(): void {
    isClosed = true;
    cancelTimer?.();
    waiting = [];
    batch = undefined;
    room.resolve();
  }

  async function writeBatch(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    if (!batch) {
      batch = { first: next - waiting.length, events: waiting };
      waiting = [];
      waitingBytes = 0;
    }
    try {
      if (!(await write(batch.first, batch.events))) close();
      batch = undefined;
      room.resolve();
      room = Promise.withResolvers();
    } finally {
      writing = undefined;
      notBeforeMs = clock.monotonicMs() + (batch ? retryMs : batchMs);
      if (!isClosed && (batch || waiting.length > 0)) schedule();
    }
  }

  function start(): Promise<void> {
    writing ??= writeBatch();
    return writing;
  }

  function schedule(): void {
    if (writing || cancelTimer || isClosed) return;
    const begin = () => void start().catch(onError);
    const inMs = notBeforeMs - clock.monotonicMs();
    if (inMs > 0) cancelTimer = clock.setTimer(inMs, begin);
    else begin();
  }

  return {
    add(type, data) {
      if (isClosed) return;
      const text = toEventText(type, data, next++);
      bytes += text.length;
      waitingBytes += text.length;
      waiting.push(text);
      schedule();
    },
    untilRoom: () => (waitingBytes > maxWaitingBytes && !isClosed ? room.promise : Promise.resolve()),
    get bytes() {
      return bytes;
    },
    async flush() {
      while (!isClosed && (writing || batch || waiting.length > 0)) await start();
    },
    close,
  };
}

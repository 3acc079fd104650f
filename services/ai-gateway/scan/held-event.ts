import { findEventEnd, SseEventTooLarge } from "../dialects/openai/sse.ts";

/** The beginning of an event whose end has not come, copied from the chunks that it came in. */
export interface HeldEvent {
  readonly size: number;
  /** Holds what `chunk` has from `from` on, where no event ends. Throws SseEventTooLarge when it is more than `maxEventBytes`. */
  begin(chunk: Buffer, from: number): void;
  /**
   * Adds a chunk. Gives the event, in a buffer of its own, when it is whole with it, and holds nothing any more. Throws as `begin`
   * does when it is not.
   */
  add(chunk: Buffer): Buffer | undefined;
  /** What is held, as an event that ends here; nothing is held any more. */
  take(): Buffer;
}

const empty = Buffer.alloc(0);
const blankLine = Buffer.from("\n\n");
/** A blank line may be cut after its first three bytes. */
const cutBytes = 3;

export function createHeldEvent(maxEventBytes: number): HeldEvent {
  let held: Buffer = empty;
  let size = 0;

  function append(bytes: Buffer, from: number): void {
    const needed = size + bytes.length - from;
    if (needed > held.length) {
      // Doubled, so that a long event is not copied again for each chunk.
      const grown = Buffer.allocUnsafe(Math.max(2 * size, needed));
      held.copy(grown, 0, 0, size);
      held = grown;
    }
    bytes.copy(held, size, from);
    size = needed;
  }

  /** An endless line ends here; until then it takes twice its bytes at most. */
  function checkSize(): void {
    if (size > maxEventBytes) throw new SseEventTooLarge(`a server-sent event exceeds ${maxEventBytes} bytes`);
  }

  function takeTo(end: number): Buffer {
    const event = held.subarray(0, end);
    held = empty;
    size = 0;
    return event;
  }

  return {
    get size() {
      return size;
    },

    begin(chunk, from) {
      append(chunk, from);
      checkSize();
    },

    add(chunk) {
      // What was searched before is not searched again, or a long event would cost the square of its length.
      const searched = Math.max(0, size - cutBytes);
      append(chunk, 0);
      const end = findEventEnd(held.subarray(0, size), searched);
      if (end !== -1) return takeTo(end);
      checkSize();
      return undefined;
    },

    take() {
      append(blankLine, 0);
      return takeTo(size);
    },
  };
}

import { createUnreadBytes } from "../unread-bytes.ts";

/** One server-sent event as it came: `raw` ends with its blank line, `data` joins its data lines. */
export interface SseEvent {
  readonly raw: Buffer;
  /** Undefined for comments and events without data. */
  readonly data: string | undefined;
}

export class SseEventTooLarge extends Error {}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts a byte stream into server-sent events wherever its chunks break (WHATWG HTML, "Server-sent events": lines end in
 * LF, CR LF or CR; a BOM may lead; `data:` may repeat). `push` gives the events that are now whole, `flush` what is left at
 * the end. Throws SseEventTooLarge as soon as one event passes `maxEventBytes`.
 */
export function createSseReader(maxEventBytes: number) {
  const unread = createUnreadBytes();
  /** How far they have been searched already, so that a long event is not searched again for every chunk. */
  let searched = 0;

  return {
    push(chunk: Buffer): SseEvent[] {
      unread.add(chunk);
      const events: SseEvent[] = [];
      for (let end = findEventEnd(unread.bytes, searched); end !== -1; end = findEventEnd(unread.bytes, 0)) {
        events.push(toEvent(unread.take(end)));
      }
      const { length } = unread.bytes;
      // A blank line may be cut after its first three bytes.
      searched = Math.max(0, length - 3);
      if (length > maxEventBytes) throw new SseEventTooLarge(`a server-sent event exceeds ${maxEventBytes} bytes`);
      return events;
    },

    /** The last event when the stream ended without a blank line. */
    flush(): SseEvent | undefined {
      const last = unread.take(unread.bytes.length);
      return last.length === 0 ? undefined : toEvent(Buffer.concat([last, Buffer.from("\n\n")]));
    },
  };
}

/** Where the first event at or after `from` ends, behind its blank line; -1 when it is not whole yet. */
export function findEventEnd(bytes: Buffer, from: number): number {
  for (let i = from; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte !== lineFeed && byte !== carriageReturn) continue;
    const next = byte === carriageReturn && bytes[i + 1] === lineFeed ? i + 2 : i + 1;
    if (bytes[next] === lineFeed) return next + 1;
    // CR at the very end may be half of CR LF; wait for the next chunk.
    if (bytes[next] === carriageReturn && next + 1 < bytes.length)
      return bytes[next + 1] === lineFeed ? next + 2 : next + 1;
  }
  return -1;
}

export function toEvent(raw: Buffer): SseEvent {
  const data = raw
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith("data"))
    .flatMap((line) => (line === "data" ? [""] : line[4] === ":" ? [line.slice(line[5] === " " ? 6 : 5)] : []));
  return { raw, data: data.length === 0 ? undefined : data.join("\n") };
}

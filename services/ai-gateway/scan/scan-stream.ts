import { findEventEnd } from "../dialects/openai/sse.ts";
import { createEventFrame } from "./event-frame.ts";
import { createHeldEvent } from "./held-event.ts";
import { byteAt, isText, type JsonBytes, notJson, skipSpace, toJsonBytes } from "./json-bytes.ts";
import { createFacts, type EventFacts, scanEvent } from "./scan-event.ts";

/**
 * What an event of a stream is: a `chunk` of the answer, whose facts are read; `done`, the mark of its end; or `other`, which the
 * ordinary way has to look at: a comment, several lines, an error, anything unusual. `more`: no event is whole.
 */
export type EventKind = "chunk" | "done" | "other" | "more";

/**
 * Cuts a stream into server-sent events at the same places as `createSseReader`, and reads what each says. After each `push`,
 * `next` is to be called until it gives `more`.
 */
export interface StreamScanner {
  /** The event that `next` has found stands in these bytes, from `start` to `end`, its blank line included. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Of a `chunk`, until the next `next`. Its places are places in `bytes`. */
  readonly facts: EventFacts;
  /** Takes what came; it must not change until `next` has given `more`: what is still needed then is copied. */
  push(came: Buffer): void;
  /** Throws SseEventTooLarge as soon as an event that is not whole passes `maxEventBytes`. */
  next(): EventKind;
  /** What is left when the stream has ended without a blank line, as one event; `more` when nothing is. */
  flush(): EventKind;
}

const empty: Buffer = Buffer.alloc(0);
const dataField = "data:";
const doneMark = "[DONE]";
const space = 0x20;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export function createStreamScanner(maxEventBytes: number): StreamScanner {
  const frame = createEventFrame();
  const held = createHeldEvent(maxEventBytes);
  const facts = createFacts();
  const event: { bytes: Buffer; start: number; end: number } = { bytes: empty, start: 0, end: 0 };
  /** What came last, and how far it has been read. */
  let chunk: Buffer = empty;
  let json = toJsonBytes(empty, true);
  let at = 0;

  function show(bytes: Buffer, start: number, end: number): void {
    event.bytes = bytes;
    event.start = start;
    event.end = end;
  }

  /** Where the chunk of an answer ends that begins at `start`, with `facts` filled in; `notJson` when none does, or it is not whole. */
  function readChunk(from: JsonBytes, start: number): number {
    const matched = frame.match(from, start, facts);
    if (matched !== notJson) return matched;
    const end = scanData(from, start, facts);
    if (end !== notJson) frame.learn(from, start, end, facts);
    return end;
  }

  function readWhole(whole: Buffer): EventKind {
    show(whole, 0, whole.length);
    const from = toJsonBytes(whole, true);
    if (readChunk(from, 0) !== notJson) return "chunk";
    return isDone(from, 0, whole.length) ? "done" : "other";
  }

  function forgetChunk(): EventKind {
    chunk = empty;
    at = 0;
    return "more";
  }

  return {
    facts,
    get bytes() {
      return event.bytes;
    },
    get start() {
      return event.start;
    },
    get end() {
      return event.end;
    },

    push(came) {
      chunk = came;
      json = toJsonBytes(came, true);
      at = 0;
    },

    next() {
      if (held.size > 0) {
        const before = held.size;
        const whole = held.add(chunk);
        if (!whole) return forgetChunk();
        at = whole.length - before;
        return readWhole(whole);
      }
      if (at === chunk.length) return forgetChunk();
      const start = at;
      const read = readChunk(json, start);
      const end = read === notJson ? findEventEnd(chunk, start) : read;
      if (end === -1) {
        held.begin(chunk, start);
        return forgetChunk();
      }
      at = end;
      show(chunk, start, end);
      if (read !== notJson) return "chunk";
      return isDone(json, start, end) ? "done" : "other";
    },

    flush() {
      return held.size === 0 ? "more" : readWhole(held.take());
    },
  };
}

/** Where the value of an event's first line begins, if that is a line of data. */
function findData(json: JsonBytes, start: number): number {
  if (!isText(json, start, dataField)) return notJson;
  const at = start + dataField.length;
  return byteAt(json, at) === space ? at + 1 : at;
}

/** Where the event at `start` ends that is one line of JSON, with `facts` filled in; `notJson` for every other. */
function scanData(json: JsonBytes, start: number, facts: EventFacts): number {
  const data = findData(json, start);
  if (data === notJson) return notJson;
  const end = scanEvent(json, skipSpace(json, data), facts);
  if (end === notJson) return notJson;
  // Another line may say more, and a lone CR may still become CR LF: only these two ends are sure.
  if (isText(json, end, "\n\n")) return end + 2;
  return isText(json, end, "\r\n\r\n") ? end + 4 : notJson;
}

/** True for the event from `start` to `end` if it says that the stream has ended. */
function isDone(json: JsonBytes, start: number, end: number): boolean {
  const data = findData(json, start);
  if (data === notJson || !isText(json, data, doneMark)) return false;
  for (let i = data + doneMark.length; i < end; i++) {
    const byte = byteAt(json, i);
    if (byte !== lineFeed && byte !== carriageReturn) return false;
  }
  return true;
}

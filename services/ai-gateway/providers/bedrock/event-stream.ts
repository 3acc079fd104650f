import { crc32 } from "node:zlib";
import type { SseEvent } from "../../dialects/openai/sse.ts";
import { createUnreadBytes } from "../../dialects/unread-bytes.ts";
import type { EventReader } from "../wire.ts";

/** A stream whose frames are not what they should be; nothing in it can be trusted any more. */
export class BrokenEventStream extends Error {}

/** Total length, length of the headers, and the checksum of both. */
const preludeBytes = 12;
const checksumBytes = 4;
const leastBytes = preludeBytes + checksumBytes;
/** Sizes of the values of headers by their type; those of bytes (6) and strings (7) say their own. */
const valueSizes: Readonly<Record<number, number>> = { 0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16 };
const bytesType = 6;
const stringType = 7;

/**
 * Cuts AWS's binary event stream (smithy.io/2.0/aws/amazon-eventstream.html) into events wherever its chunks break. The data of an event
 * are `{[its type]: its payload}`; of an exception or an error `{exception: its type}`, whose text goes nowhere. Throws BrokenEventStream for a
 * frame whose checksums or lengths are wrong, that is longer than `maxEventBytes`, or that is only half there at the end.
 */
export function createEventStreamReader(maxEventBytes: number): EventReader {
  const unread = createUnreadBytes();

  function takeFrame(): Buffer | undefined {
    const rest = unread.bytes;
    if (rest.length < preludeBytes) return undefined;
    const length = rest.readUInt32BE(0);
    if (crc32(rest.subarray(0, 8)) !== rest.readUInt32BE(8))
      throw new BrokenEventStream("a prelude's checksum is wrong");
    if (length < leastBytes || length > maxEventBytes) throw new BrokenEventStream(`a frame has ${length} bytes`);
    if (rest.length < length) return undefined;
    const frame = rest.subarray(0, length);
    if (crc32(frame.subarray(0, -checksumBytes)) !== frame.readUInt32BE(length - checksumBytes)) {
      throw new BrokenEventStream("a frame's checksum is wrong");
    }
    return unread.take(length);
  }

  return {
    push(chunk) {
      unread.add(chunk);
      const events: SseEvent[] = [];
      for (let frame = takeFrame(); frame; frame = takeFrame()) events.push(toEvent(frame));
      return events;
    },
    flush() {
      if (unread.bytes.length > 0) throw new BrokenEventStream("the stream ends within a frame");
      return undefined;
    },
  };
}

function toEvent(frame: Buffer): SseEvent {
  const headersEnd = preludeBytes + frame.readUInt32BE(4);
  if (headersEnd > frame.length - checksumBytes) throw new BrokenEventStream("headers are longer than their frame");
  const headers = readHeaders(frame.subarray(preludeBytes, headersEnd));
  const type = headers.get(":message-type");
  if (type !== "event") {
    const exception = headers.get(":exception-type") ?? headers.get(":error-code") ?? "";
    return { raw: frame, data: JSON.stringify({ exception }) };
  }
  const payload = frame.toString("utf8", headersEnd, frame.length - checksumBytes);
  return { raw: frame, data: `{${JSON.stringify(headers.get(":event-type") ?? "")}:${payload || "{}"}}` };
}

/** Those that are texts; others are skipped. */
function readHeaders(bytes: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  const take = (count: number) => {
    if (at + count > bytes.length) throw new BrokenEventStream("a header is cut off");
    at += count;
    return at - count;
  };
  while (at < bytes.length) {
    const nameLength = bytes.readUInt8(take(1));
    const nameAt = take(nameLength);
    const name = bytes.toString("utf8", nameAt, nameAt + nameLength);
    const type = bytes.readUInt8(take(1));
    const isText = type === stringType;
    const size = isText || type === bytesType ? bytes.readUInt16BE(take(2)) : valueSizes[type];
    if (size === undefined) throw new BrokenEventStream(`a header has the unknown type ${type}`);
    const valueAt = take(size);
    if (isText) headers.set(name, bytes.toString("utf8", valueAt, valueAt + size));
  }
  return headers;
}

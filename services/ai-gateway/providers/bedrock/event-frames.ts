import { crc32 } from "node:zlib";

/** One frame of AWS's binary event stream, for who plays the vendor: headers that are texts, and a payload. */
export function writeEventFrame(headers: Readonly<Record<string, string>>, payload: string): Buffer {
  const heads = Object.entries(headers).map(([name, value]) => {
    const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)];
    const size = Buffer.alloc(2);
    size.writeUInt16BE(valueBytes.length);
    return Buffer.concat([Buffer.from([nameBytes.length]), nameBytes, Buffer.from([7]), size, valueBytes]);
  });
  const head = Buffer.concat(heads);
  const body = Buffer.from(payload);
  const frame = Buffer.alloc(16 + head.length + body.length);
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(head.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  head.copy(frame, 12);
  body.copy(frame, 12 + head.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, -4)), frame.length - 4);
  return frame;
}

/** An event of the given type. */
export function writeEvent(type: string, payload: object): Buffer {
  const headers = { ":event-type": type, ":content-type": "application/json", ":message-type": "event" };
  return writeEventFrame(headers, JSON.stringify(payload));
}

/** An exception, which ends a stream. */
export function writeException(type: string, message: string): Buffer {
  return writeEventFrame({ ":exception-type": type, ":message-type": "exception" }, JSON.stringify({ message }));
}

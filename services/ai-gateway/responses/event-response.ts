import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { createSseReader } from "../dialects/openai/sse.ts";

const headEnd = Buffer.from("\r\n\r\n");
/** A head is ours, and short. */
const maxHeadBytes = 65_536;
/** So much of an answer may wait for `send`. */
const highWaterBytes = 65_536;

/**
 * A response whose server-sent events become messages: `send` gets the data of each, one after the other, and is waited for before more is
 * taken. Its head and comments go nowhere. It tells `finish` when the last is sent, and its `destroy` tells `close`, as a caller's leaving does.
 */
export function createEventResponse(send: (data: string) => Promise<void>, maxEventBytes: number): ServerResponse {
  const reader = createSseReader(maxEventBytes);
  let head: Buffer | undefined = Buffer.alloc(0);

  /** What `chunk` holds of the body. */
  function bodyOf(chunk: Buffer): Buffer {
    if (!head) return chunk;
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(headEnd);
    if (end < 0 && head.length > maxHeadBytes) throw new RangeError("the head of an answer is too long");
    if (end < 0) return Buffer.alloc(0);
    const body = head.subarray(end + headEnd.length);
    head = undefined;
    return body;
  }

  async function pass(chunk: Buffer): Promise<void> {
    for (const { data } of reader.push(bodyOf(chunk))) if (data !== undefined) await send(data);
  }

  const towardsClient = new Duplex({
    writableHighWaterMark: highWaterBytes,
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      pass(chunk).then(() => done(), done);
    },
  });
  // Of a socket, a response needs no more than a stream; its request's version is none, so that nothing is written in chunks.
  const socket = towardsClient as unknown as Socket;
  const res = new ServerResponse(new IncomingMessage(socket));
  res.assignSocket(socket);
  towardsClient.on("drain", () => res.emit("drain"));
  towardsClient.on("error", () => towardsClient.destroy());
  return res;
}

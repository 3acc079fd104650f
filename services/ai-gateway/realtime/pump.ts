import { WebSocket } from "ws";

/** A message of either end. */
export interface Message {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** So much may wait to be written before nothing more is read for it. */
const highWaterBytes = 1_048_576;

/**
 * Hands over the messages of a socket one after the other: while one is at work nothing more is read. What `handle` rejects with goes
 * to `onFailure`. `idle` resolves when all that has come is handed over.
 */
export function pump(
  from: WebSocket,
  handle: (message: Message) => Promise<void>,
  onFailure: (err: unknown) => void,
): { readonly idle: () => Promise<void>; readonly stop: () => void } {
  const queue: Message[] = [];
  let running: Promise<void> | undefined;
  let isStopped = false;

  async function run(): Promise<void> {
    from.pause();
    for (let next = queue.shift(); next && !isStopped; next = queue.shift()) await handle(next);
    running = undefined;
    if (!isStopped) from.resume();
  }

  from.on("message", (data, isBinary) => {
    if (isStopped) return;
    queue.push({ bytes: toBuffer(data), isBinary });
    running ??= run().catch((err: unknown) => {
      isStopped = true;
      onFailure(err);
    });
  });
  return {
    idle: () => running ?? Promise.resolve(),
    stop() {
      isStopped = true;
      queue.length = 0;
      // Or its answer to our close would never be read.
      from.resume();
    },
  };
}

/** Sends a message, and resolves when as much is written that more may come. A socket that is closing gets nothing. */
export function send(to: WebSocket, bytes: Buffer | string, isBinary: boolean): Promise<void> {
  if (to.readyState !== WebSocket.OPEN) return Promise.resolve();
  const isFull = to.bufferedAmount > highWaterBytes;
  return new Promise((resolve) => {
    to.send(bytes, { binary: isBinary }, isFull ? () => resolve() : undefined);
    if (!isFull) resolve();
  });
}

/** A message as one piece. */
export function toBuffer(data: WebSocket.RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

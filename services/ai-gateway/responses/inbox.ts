import type { WebSocket } from "ws";
import { toBuffer } from "../realtime/pump.ts";

/** The messages of a client that wait to be answered. */
export interface Inbox {
  /** The next one; undefined when the client is gone, and after `stop`. */
  next(): Promise<Buffer | undefined>;
  /** Nothing more is given out. */
  stop(): void;
}

/**
 * Takes the messages of a socket, which is read all the time: a client that leaves is to be noticed while it is answered. Those for which
 * there is no room go to `refuse`.
 */
export function createInbox(
  socket: WebSocket,
  { maxWaiting, maxBytes }: { readonly maxWaiting: number; readonly maxBytes: number },
  refuse: (message: Buffer) => void,
): Inbox {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let isOver = false;
  let wake: ((message: Buffer | undefined) => void) | undefined;

  function stop(): void {
    isOver = true;
    waiting.length = 0;
    wake?.(undefined);
    wake = undefined;
  }

  socket.on("message", (data) => {
    if (isOver) return;
    const message = toBuffer(data);
    if (wake) {
      wake(message);
      wake = undefined;
    } else if (waiting.length < maxWaiting && waitingBytes + message.length <= maxBytes) {
      waiting.push(message);
      waitingBytes += message.length;
    } else refuse(message);
  });
  socket.once("close", stop);
  return {
    next() {
      const message = waiting.shift();
      if (message) waitingBytes -= message.length;
      if (message || isOver) return Promise.resolve(message);
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    stop,
  };
}

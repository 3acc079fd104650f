import { ConnectError } from "@connectrpc/connect";

/** On an answer: the call was refused before any of our code saw it, and may be made again elsewhere. */
export const unprocessedHeader = "lyss-unprocessed";

const maxCauses = 8;
const unsent = new WeakSet<object>();

/** Notes that the call which ends with this error has not reached a peer. */
export function markUnsent(err: unknown): void {
  if (typeof err === "object" && err !== null) unsent.add(err);
}

/**
 * True when the call has certainly not been processed: there was no connection, the peer refused the stream (as it does
 * with those after its GOAWAY, RFC 9113 §6.8), or it said so. A repeat cannot do anything twice.
 */
export function wasUnprocessed(err: unknown): boolean {
  if (err instanceof ConnectError && err.metadata.get(unprocessedHeader) === "1") return true;
  let cause = err;
  for (let depth = 0; depth < maxCauses && cause instanceof Error; depth++) {
    if (unsent.has(cause)) return true;
    cause = cause.cause;
  }
  return false;
}

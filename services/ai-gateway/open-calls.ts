import type { Failure } from "@lyss/kit/errors/failure.ts";
import { createLinkedList, type Linked } from "@lyss/kit/service/linked-list.ts";

/** A call in flight. */
export interface OpenCall extends Linked<OpenCall> {
  /** Must end it soon. */
  abort(failure: Failure): void;
  /** Called when the node begins to stop: what only waits for its client is to end. Others have until `abort`. */
  drain?(): void;
}

/** The calls that this node has in flight. */
export interface OpenCalls {
  /** Throws nothing; a call is open until `end`, which is called once for each. */
  begin(call: OpenCall): void;
  end(call: OpenCall): void;
  readonly size: number;
  readonly isStopping: boolean;
  /** No new calls from now on; resolves when none is open or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>;
  /** Ends every open call with `failure`; resolves when all have ended, settled, or the signal aborts. */
  cut(failure: Failure, signal: AbortSignal): Promise<void>;
}

export function createOpenCalls(): OpenCalls {
  const open = createLinkedList<OpenCall>();
  let isStopping = false;
  let onEmpty: (() => void) | undefined;

  function untilEmpty(signal: AbortSignal): Promise<void> {
    if (open.size === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      onEmpty = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  return {
    begin: open.add,
    end(call) {
      open.remove(call);
      if (open.size === 0) onEmpty?.();
    },
    get size() {
      return open.size;
    },
    get isStopping() {
      return isStopping;
    },
    drain(signal) {
      isStopping = true;
      for (const call of [...open]) call.drain?.();
      return untilEmpty(signal);
    },
    cut(failure, signal) {
      isStopping = true;
      // Some end at once, and leave the list.
      for (const call of [...open]) call.abort(failure);
      return untilEmpty(signal);
    },
  };
}

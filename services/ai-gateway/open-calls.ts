import type { Failure } from "@lyss/kit/errors/failure.ts";

/** What ends a call: an AbortController, or the call itself. */
export interface Abortable {
  abort(failure: Failure): void;
}

/** The calls that this node has in flight. */
export interface OpenCalls {
  /** Throws nothing; a call is open until `end`. Aborting `abort` must end it soon. */
  begin(callId: string, abort: Abortable): void;
  end(callId: string): void;
  listIds(): string[];
  readonly isStopping: boolean;
  /** No new calls from now on; resolves when none is open or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>;
  /** Ends every open call with `failure`; resolves when all have ended, settled, or the signal aborts. */
  cut(failure: Failure, signal: AbortSignal): Promise<void>;
}

export function createOpenCalls(): OpenCalls {
  const open = new Map<string, Abortable>();
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
    begin: (callId, abort) => void open.set(callId, abort),
    end(callId) {
      open.delete(callId);
      if (open.size === 0) onEmpty?.();
    },
    listIds: () => [...open.keys()],
    get isStopping() {
      return isStopping;
    },
    drain(signal) {
      isStopping = true;
      return untilEmpty(signal);
    },
    cut(failure, signal) {
      isStopping = true;
      for (const abort of open.values()) abort.abort(failure);
      return untilEmpty(signal);
    },
  };
}

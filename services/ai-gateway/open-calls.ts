/** The calls that this node has in flight. */
export interface OpenCalls {
  /** Throws nothing; a call is open until `end`. */
  begin(callId: string): void;
  end(callId: string): void;
  listIds(): string[];
  readonly isStopping: boolean;
  /** No new calls from now on; resolves when none is open or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>;
}

export function createOpenCalls(): OpenCalls {
  const open = new Set<string>();
  let isStopping = false;
  let onEmpty: (() => void) | undefined;

  return {
    begin: (callId) => void open.add(callId),
    end(callId) {
      open.delete(callId);
      if (open.size === 0) onEmpty?.();
    },
    listIds: () => [...open],
    get isStopping() {
      return isStopping;
    },
    drain(signal) {
      isStopping = true;
      if (open.size === 0 || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        onEmpty = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
  };
}

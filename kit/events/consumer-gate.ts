/** Lets a consumer take new work, or not. What it has taken it finishes in any case. */
export interface ConsumerGate {
  isOpen(): boolean;
  /** Calls back when that may have changed, until the result is called. */
  onChange(callback: () => void): () => void;
}

/** Resolves when the gate is open; rejects with the signal's reason when that aborts. */
export function untilOpen(gate: ConsumerGate, signal: AbortSignal): Promise<void> {
  if (gate.isOpen()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const end = () => {
      forget();
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = () => {
      end();
      reject(signal.reason);
    };
    const forget = gate.onChange(() => {
      if (!gate.isOpen()) return;
      end();
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

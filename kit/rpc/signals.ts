/**
 * Settles as `work` does, or rejects with the signal's reason as soon as it aborts. Work that goes on after that is not
 * waited for, and its error is nobody's.
 */
export function untilAborted<T>(signal: AbortSignal, work: T | PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    const settled = () => signal.removeEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    Promise.resolve(work).then(resolve, reject).finally(settled);
  });
}

/** A signal that aborts with the first of `signals`. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Must be called at the end, for long-lived signals remember: unlinks, and aborts `signal` if it has not yet. */
  release(): void;
}

export function linkSignals(...signals: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  const links = signals.map((signal) => {
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    return () => signal.removeEventListener("abort", onAbort);
  });
  return {
    signal: controller.signal,
    release() {
      for (const unlink of links) unlink();
      controller.abort();
    },
  };
}

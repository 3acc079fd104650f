/** The time, passed in so that tests can hold it. */
export interface Clock {
  /** Wall-clock milliseconds since the Unix epoch. May step; use it for stamps, never for durations. */
  nowMs(): number;
  /** Milliseconds that only ever grow, for durations and deadlines. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it. Does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs` by that clock; rejects with the signal's reason as soon as it aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Resolves after `delayMs` of real time, and keeps the process alive until then: for commands, which have nothing else. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });
}

import { Failure } from "../errors/failure.ts";
import type { Clock } from "../service/clock.ts";
import { resilienceFailures } from "./resilience-failures.ts";

export interface BulkheadOptions {
  /** Calls at a time. */
  readonly maxConcurrent: number;
  /** Callers that may wait for a place; 0 refuses at once. */
  readonly maxQueue: number;
  /** How long each of them waits at most. */
  readonly maxQueueMs: number;
}

export interface BulkheadStats {
  readonly inFlight: number;
  readonly queued: number;
  /** Calls refused since the bulkhead was created: the queue was full, or the wait was over. */
  readonly refused: number;
}

/** Keeps a slow peer from taking every place that there is. */
export interface Bulkhead {
  /** Makes the call when there is a place, or throws as `enter` does. */
  run<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Takes a place, to be given back by exactly one `leave`. Undefined when there was one; a promise when the caller has
   * to wait. Throws `resilience.bulkhead_full` when the queue is full or the wait is over, and the signal's reason.
   */
  enter(signal?: AbortSignal): Promise<void> | undefined;
  /** Takes a place if there is one, and tells. Nobody waits. */
  tryEnter(): boolean;
  leave(): void;
  /** True when who came now would have to wait. */
  readonly isFull: boolean;
  /** New limits from now on. Calls under way and callers waiting stay, even where they are now too many. */
  update(options: BulkheadOptions): void;
  stats(): BulkheadStats;
}

export interface BulkheadDeps {
  readonly clock: Clock;
  /** Named in `resilience.bulkhead_full`. */
  readonly name: string;
}

/** A limit on calls at a time with a queue, first come, first served. O(1). */
export function createBulkhead(options: BulkheadOptions, { clock, name }: BulkheadDeps): Bulkhead {
  let limits = options;
  let inFlight = 0;
  let refused = 0;
  /** In the order of arrival; each lets one caller in. */
  const queue = new Set<() => void>();

  function refuse(): Failure {
    refused++;
    return new Failure(resilienceFailures.bulkhead_full, { policy: name }, { retryAfterMs: limits.maxQueueMs });
  }

  function waitForPlace(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        queue.delete(admit);
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      };
      const admit = () => {
        stopWaiting();
        inFlight++;
        resolve();
      };
      const onAbort = () => {
        stopWaiting();
        reject(signal?.reason);
      };
      const cancelTimer = clock.setTimer(limits.maxQueueMs, () => {
        stopWaiting();
        reject(refuse());
      });
      signal?.addEventListener("abort", onAbort);
      queue.add(admit);
    });
  }

  function admitWaiting(): void {
    for (const admit of queue) {
      if (inFlight >= limits.maxConcurrent) return;
      admit();
    }
  }

  function tryEnter(): boolean {
    if (inFlight >= limits.maxConcurrent) return false;
    inFlight++;
    return true;
  }

  function enter(signal?: AbortSignal): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (tryEnter()) return undefined;
    if (queue.size >= limits.maxQueue) throw refuse();
    return waitForPlace(signal);
  }

  function leave(): void {
    inFlight--;
    admitWaiting();
  }

  return {
    async run(call, signal) {
      const wait = enter(signal);
      if (wait) await wait;
      try {
        return await call();
      } finally {
        leave();
      }
    },
    enter,
    tryEnter,
    leave,
    get isFull() {
      return inFlight >= limits.maxConcurrent;
    },
    update(next) {
      limits = next;
      admitWaiting();
    },
    stats: () => ({ inFlight, queued: queue.size, refused }),
  };
}

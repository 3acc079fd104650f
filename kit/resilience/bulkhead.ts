import { Failure } from "../errors/failure.ts";
import { currentContext } from "../rpc/call-context.ts";
import type { Clock } from "../service/clock.ts";
import { createFairQueue, type Turn } from "./fair-queue.ts";
import { resilienceFailures } from "./resilience-failures.ts";

export interface BulkheadOptions {
  /** Calls at a time. */
  readonly maxConcurrent: number;
  /** Callers that may wait for a place, of all tenants together; 0 refuses at once. */
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

interface Waiter {
  admit(): void;
  turnAway(): void;
}

/** Keeps a slow peer from taking every place that there is. */
export interface Bulkhead {
  /** Makes the call when there is a place, or throws as `enter` does. */
  run<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Takes a place, to be given back by exactly one `leave`. Undefined when there was one; a promise when the caller has
   * to wait. Throws `resilience.bulkhead_full` when the queue is full or the wait is over, and the signal's reason. A wait may also
   * end so for somebody whose tenant has more waiting, or whose call is less urgent, than who came. `turn` unless it is that of the call's context.
   */
  enter(signal?: AbortSignal, turn?: Turn): Promise<void> | undefined;
  /**
   * What `enter` would throw at once for want of a place, were all who have a claim there already; counted as refused. Undefined where it
   * would give one, or have its caller wait. `turn` unless it is that of the call's context.
   */
  refusal(turn?: Turn): Failure | undefined;
  /**
   * For who has something to do before `enter`: until the claim is given up, which may be repeated, others are refused as if its holder had
   * come. It is given up when its holder enters, or does not come. It gives no place, and holds up nobody who enters. Throws what `refusal` tells.
   */
  claim(): () => void;
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

/** A limit on calls at a time with a queue that is fair to tenants, by the priority of the call's context. O(1) unless the queue is full. */
export function createBulkhead(options: BulkheadOptions, { clock, name }: BulkheadDeps): Bulkhead {
  let limits = options;
  let inFlight = 0;
  let refused = 0;
  let claims = 0;
  const queue = createFairQueue<Waiter>();

  function refuse(): Failure {
    refused++;
    return new Failure(resilienceFailures.bulkhead_full, { policy: name }, { retryAfterMs: limits.maxQueueMs });
  }

  function waitForPlace(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        queue.remove(waiting);
        cancelTimer();
        signal?.removeEventListener("abort", onAbort);
      };
      const turnAway = () => {
        stopWaiting();
        reject(refuse());
      };
      const onAbort = () => {
        stopWaiting();
        reject(signal?.reason);
      };
      const admit = () => {
        stopWaiting();
        inFlight++;
        resolve();
      };
      const cancelTimer = clock.setTimer(limits.maxQueueMs, turnAway);
      signal?.addEventListener("abort", onAbort);
      const waiting = queue.add(turn, { admit, turnAway });
    });
  }

  function admitWaiting(): void {
    while (inFlight < limits.maxConcurrent && queue.size > 0) queue.next()?.admit();
  }

  function tryEnter(): boolean {
    if (inFlight >= limits.maxConcurrent) return false;
    inFlight++;
    return true;
  }

  function enter(signal?: AbortSignal, turn?: Turn): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (tryEnter()) return undefined;
    return waitInTurn(turn ?? currentTurn(), signal);
  }

  function waitInTurn(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    if (queue.size >= limits.maxQueue) {
      const other = queue.makeRoom(turn);
      if (!other) throw refuse();
      other.turnAway();
    }
    return waitForPlace(turn, signal);
  }

  function refusal(turn = currentTurn()): Failure | undefined {
    const isRoom = inFlight + queue.size + claims < limits.maxConcurrent + limits.maxQueue;
    return isRoom || queue.hasRoomFor(turn) ? undefined : refuse();
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
    refusal,
    claim() {
      const failure = refusal();
      if (failure) throw failure;
      let isHeld = true;
      claims++;
      return () => {
        if (isHeld) claims--;
        isHeld = false;
      };
    },
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

/** Work of the platform itself is a tenant among others. */
function currentTurn(): Turn {
  const context = currentContext();
  return { line: context?.caller?.tenantId ?? "", priority: context?.priority ?? "interactive" };
}

import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { Clock } from "../service/clock.ts";
import type { Breaker } from "./breaker.ts";
import type { Bulkhead } from "./bulkhead.ts";
import type { Retry } from "./retry.ts";

/** A call whose answer has begun and goes on. */
export interface OpenCall<T> {
  readonly answer: T;
  /** Gives back the place in the bulkhead and ends the time limit. To be called when the answer is over; may be repeated. */
  end(): void;
}

/** What a policy puts around a call. */
export interface CallParts {
  readonly timeoutMs: number | undefined;
  readonly attemptTimeoutMs: number | undefined;
  readonly retry: Retry | undefined;
  readonly bulkhead: Bulkhead | undefined;
  readonly breaker: Breaker | undefined;
}

/** See `Policy.open`. */
export async function openCall<T>(
  parts: CallParts,
  call: (attempt: number) => Promise<T>,
  abort: AbortController,
  clock: Clock,
): Promise<OpenCall<T>> {
  const { timeoutMs, retry, bulkhead } = parts;
  const { signal } = abort;
  const cancelTimer = abortAfter(timeoutMs, abort, clock);
  try {
    const deadlineMs = timeoutMs === undefined ? undefined : clock.monotonicMs() + timeoutMs;
    const answer = retry
      ? await retry.run((attempt) => openAttempt(parts, call, attempt, abort, clock), { signal, deadlineMs })
      : await openAttempt(parts, call, 0, abort, clock);
    let isOpen = true;
    return {
      answer,
      end() {
        if (!isOpen) return;
        isOpen = false;
        cancelTimer?.();
        bulkhead?.leave();
      },
    };
  } catch (err) {
    cancelTimer?.();
    throw err;
  }
}

/** One attempt, judged by its beginning. Its place is given back only if it fails. */
async function openAttempt<T>(
  { bulkhead, breaker, attemptTimeoutMs }: CallParts,
  call: (attempt: number) => Promise<T>,
  attempt: number,
  abort: AbortController,
  clock: Clock,
): Promise<T> {
  const wait = bulkhead?.enter(abort.signal);
  if (wait) await wait;
  let cancelTimer: (() => void) | undefined;
  try {
    const ticket = breaker?.enter() ?? 0;
    const beganMs = breaker?.startMs() ?? 0;
    cancelTimer = abortAfter(attemptTimeoutMs, abort, clock);
    try {
      const answer = await call(attempt);
      breaker?.leave(ticket, "success", beganMs);
      return answer;
    } catch (err) {
      breaker?.leave(ticket, breaker.judge(err), beganMs);
      throw err;
    }
  } catch (err) {
    bulkhead?.leave();
    throw err;
  } finally {
    cancelTimer?.();
  }
}

/** Aborts with `kit.deadline_exceeded`, unless what it gives is called before. Undefined where there is no limit. */
export function abortAfter(
  timeoutMs: number | undefined,
  abort: AbortController,
  clock: Clock,
): (() => void) | undefined {
  if (timeoutMs === undefined) return undefined;
  return clock.setTimer(timeoutMs, () => abort.abort(new Failure(kitFailures.deadline_exceeded, { timeoutMs })));
}

import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { Clock } from "../service/clock.ts";

/**
 * Makes a call that is given up after `timeoutMs`: the signal it got aborts and the promise rejects with
 * `kit.deadline_exceeded`, even when the call does not listen. The same with the outer signal and its reason. A call
 * given up goes on unheard. Afterwards no timer and no listener is left.
 */
export function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  outer: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (outer?.aborted) return Promise.reject(outer.reason);
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const giveUp = (reason: unknown) => {
      end();
      // First, so that a call which rejects on its abort cannot put another error in the place of this one.
      reject(reason);
      controller.abort(reason);
    };
    const onAbort = () => giveUp(outer?.reason);
    const cancelTimer = clock.setTimer(timeoutMs, () =>
      giveUp(new Failure(kitFailures.deadline_exceeded, { timeoutMs: Math.ceil(timeoutMs) })),
    );
    outer?.addEventListener("abort", onAbort);
    function end(): void {
      cancelTimer();
      outer?.removeEventListener("abort", onAbort);
    }
    // A call that throws before its promise counts as one that rejects.
    new Promise<T>((begin) => begin(call(controller.signal))).then(
      (result) => {
        end();
        resolve(result);
      },
      (err: unknown) => {
        end();
        reject(err);
      },
    );
  });
}

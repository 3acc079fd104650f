import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { Clock } from "../service/clock.ts";

/** Throws `kit.deadline_exceeded` when the answer is due already: nobody waits for it, so nothing is begun. */
export function checkDeadline(deadlineMs: number | undefined, clock: Clock): void {
  if (deadlineMs !== undefined && deadlineMs <= clock.monotonicMs()) {
    throw new Failure(kitFailures.deadline_exceeded, { timeoutMs: 0 });
  }
}

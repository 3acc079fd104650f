import type { Clock } from "../service/clock.ts";
import type { Turn } from "./fair-queue.ts";
import { abortAfter, type CallParts } from "./open-call.ts";

/** A place for one call and the breaker's word for it, for who makes calls without promises. Limits of time are the caller's to keep. */
export interface PolicyPlace {
  readonly timeoutMs: number | undefined;
  readonly attemptTimeoutMs: number | undefined;
  /** The call's answer has begun, or failed with `err`: what the breaker judges it by. Only the first counts. */
  judge(err?: unknown): void;
  /** Gives the place back when the call is over. A call that was not judged was none. Only the first counts. */
  end(): void;
}

/** See `Policy.enterNow`. */
export function enterNow(parts: CallParts): PolicyPlace | undefined {
  if (parts.retry || parts.bulkhead?.tryEnter() === false) return undefined;
  return holdPlace(parts, parts.timeoutMs);
}

/** See `Policy.enterInTurn`. */
export async function enterInTurn(
  parts: CallParts,
  turn: Turn,
  abort: AbortController,
  clock: Clock,
): Promise<PolicyPlace> {
  const { timeoutMs, bulkhead } = parts;
  const cancelTimer = abortAfter(timeoutMs, abort, clock);
  const startedMs = clock.monotonicMs();
  try {
    await bulkhead?.enter(abort.signal, turn);
  } finally {
    cancelTimer?.();
  }
  return holdPlace(parts, timeoutMs && Math.max(1, timeoutMs - (clock.monotonicMs() - startedMs)));
}

/** For who has a place already: it is given back where the breaker does not let the call through. */
function holdPlace({ attemptTimeoutMs, bulkhead, breaker }: CallParts, timeoutMs: number | undefined): PolicyPlace {
  let ticket: number | undefined;
  try {
    ticket = breaker?.enter();
  } catch (err) {
    bulkhead?.leave();
    throw err;
  }
  const beganMs = breaker?.startMs() ?? 0;
  let isOver = false;

  function leave(verdict: "success" | "failure" | "ignored"): void {
    if (ticket !== undefined) breaker?.leave(ticket, verdict, beganMs);
    ticket = undefined;
  }

  return {
    timeoutMs,
    attemptTimeoutMs,
    judge: (err) => leave(err === undefined ? "success" : (breaker?.judge(err) ?? "ignored")),
    end() {
      if (isOver) return;
      isOver = true;
      leave("ignored");
      bulkhead?.leave();
    },
  };
}

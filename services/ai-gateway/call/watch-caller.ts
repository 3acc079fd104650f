import type { ServerResponse } from "node:http";
import { type Clock, delay } from "@lyss/kit/service/clock.ts";

/** The caller's end of a call. */
export interface CallerWatch {
  /** Aborted once the caller has gone away. */
  readonly left: AbortSignal;
  /** Takes the caller for gone. */
  leave(): void;
  /** Looks no more. */
  stop(): void;
}

/**
 * Ends a call when its caller goes away: at once, or so many milliseconds later as `drainLimitMs` says then, where what the
 * provider reports at the end of its answer is worth waiting for.
 */
export function watchCaller(
  { res, abort, clock }: { readonly res: ServerResponse; readonly abort: AbortController; readonly clock: Clock },
  drainLimitMs: () => number,
): CallerWatch {
  const left = new AbortController();
  const stopped = new AbortController();
  function leave(): void {
    if (left.signal.aborted) return;
    left.abort();
    const limitMs = drainLimitMs();
    if (limitMs === 0) {
      abort.abort();
      return;
    }
    delay(clock, limitMs, stopped.signal).then(
      () => abort.abort(),
      () => undefined,
    );
  }
  if (res.closed) leave();
  else res.once("close", leave);
  return {
    left: left.signal,
    leave,
    stop() {
      res.removeListener("close", leave);
      stopped.abort();
    },
  };
}

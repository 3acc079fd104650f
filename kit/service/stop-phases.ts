import type { Logger } from "pino";
import { linkSignals, untilAborted } from "../rpc/signals.ts";
import type { Clock } from "./clock.ts";

/** One part of a stop. Its steps are taken in order; together they may take `limitMs`. */
export interface StopPhase {
  readonly name: string;
  readonly limitMs: number;
  readonly steps: readonly StopStep[];
}

export interface StopStep {
  readonly name: string;
  run(signal: AbortSignal): Promise<void> | void;
}

/**
 * Takes every step of every phase, whatever becomes of the others: an error is logged, a step that outlives its phase
 * is left behind, and once `hurry` aborts nothing is waited for. Never rejects.
 */
export async function runStopPhases(
  phases: readonly StopPhase[],
  options: { readonly clock: Clock; readonly log: Logger; readonly hurry: AbortSignal },
): Promise<void> {
  const { clock, log, hurry } = options;
  for (const { name: phase, limitMs, steps } of phases) {
    const limit = new AbortController();
    const cancelTimer = clock.setTimer(limitMs, () => limit.abort(new Error(`not done within ${limitMs} ms`)));
    const { signal, release } = linkSignals(hurry, limit.signal);
    for (const step of steps) {
      try {
        await untilAborted(signal, step.run(signal));
      } catch (err) {
        log.warn({ err, phase, step: step.name }, "did not stop cleanly");
      }
    }
    release();
    cancelTimer();
  }
}

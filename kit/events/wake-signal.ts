import type { Clock } from "../service/clock.ts";

/** Wakes a loop that waits. A wake that comes while the loop is at work is kept for its next wait. */
export interface WakeSignal {
  wake(): void;
  /** Resolves at the next wake or after `timeoutMs`; true when woken. */
  wait(timeoutMs: number): Promise<boolean>;
}

/** For one waiting loop. */
export function createWakeSignal(clock: Clock): WakeSignal {
  let isPending = false;
  let resume: (() => void) | undefined;
  return {
    wake() {
      isPending = true;
      resume?.();
    },
    wait(timeoutMs) {
      return new Promise((resolve) => {
        const finish = () => {
          cancelTimer();
          resume = undefined;
          const wasWoken = isPending;
          isPending = false;
          resolve(wasWoken);
        };
        const cancelTimer = clock.setTimer(timeoutMs, finish);
        resume = finish;
        if (isPending) finish();
      });
    },
  };
}

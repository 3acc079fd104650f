import type { Clock } from "@lyss/kit/service/clock.ts";

/** Tells when nobody has said anything for a while. */
export interface Stillness {
  noteSound(): void;
  stop(): void;
}

/** Calls `onStill` once when there was no sound for `idleMs`. A sound costs no timer. */
export function noteStillness(
  clock: Pick<Clock, "setTimer" | "monotonicMs">,
  idleMs: number,
  onStill: () => void,
): Stillness {
  let heardMs = clock.monotonicMs();
  let cancel = clock.setTimer(idleMs, look);
  function look(): void {
    const leftMs = heardMs + idleMs - clock.monotonicMs();
    if (leftMs <= 0) onStill();
    else cancel = clock.setTimer(leftMs, look);
  }
  return {
    noteSound() {
      heardMs = clock.monotonicMs();
    },
    stop: () => cancel(),
  };
}

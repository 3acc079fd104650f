import type { Clock } from "../service/clock.ts";
import type { JoinedSockets } from "./join-sockets.ts";

/** So long after its peer's last word a WebSocket is taken for one that waits for its client. */
export const quietMs = 2_000;
const lookMs = 250;
const goingAway = { text: "", code: 1001 } as const;

/** WebSockets that run through here. */
export interface DrainableSockets {
  /** Until both of its ends are gone. */
  add(joined: JoinedSockets): void;
  /** From now on each that is quiet is told that this side goes away (1001), and all others when the signal aborts. To be called once. */
  drain(signal: AbortSignal): void;
}

export function createDrainableSockets(clock: Clock): DrainableSockets {
  const open = new Set<JoinedSockets>();
  let draining: AbortSignal | undefined;
  let isLooking = false;

  function look(): void {
    isLooking = false;
    for (const one of open) if (draining?.aborted || one.isQuietFor(quietMs)) one.end(goingAway);
    lookAgain();
  }

  function lookAgain(): void {
    if (!draining || draining.aborted || isLooking || open.size === 0) return;
    isLooking = true;
    clock.setTimer(lookMs, look);
  }

  return {
    add(joined) {
      open.add(joined);
      void joined.ended.then(() => open.delete(joined));
      if (draining?.aborted) joined.end(goingAway);
      lookAgain();
    },
    drain(signal) {
      draining = signal;
      signal.addEventListener("abort", look, { once: true });
      look();
    },
  };
}

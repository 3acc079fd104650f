import type { Clock } from "@lyss/kit/service/clock.ts";
import type { WebSocket } from "ws";

/**
 * Ends the connection of an end that does not answer a ping until the next, `pingMs` later. One that is not read now cannot be heard, and
 * is asked again. Gives what stops it.
 */
export function keepAsking(clock: Pick<Clock, "setTimer">, socket: WebSocket, pingMs: number): () => void {
  let isHeard = true;
  let cancel = () => {};
  socket.on("pong", () => {
    isHeard = true;
  });
  function ask(): void {
    if (!isHeard && !socket.isPaused) {
      socket.terminate();
      return;
    }
    isHeard = socket.isPaused;
    if (socket.readyState === socket.OPEN) socket.ping();
    cancel = clock.setTimer(pingMs, ask);
  }
  cancel = clock.setTimer(pingMs, ask);
  return () => cancel();
}

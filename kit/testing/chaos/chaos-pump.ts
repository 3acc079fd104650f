import type { Socket } from "node:net";
import type { Clock } from "../../service/clock.ts";
import type { Seeded } from "../seeded-random.ts";
import type { ChaosFaults } from "./chaos-faults.ts";

/** One direction of a connection. */
export interface ChaosPump {
  /** Looks again at what waits: after the faults have changed. */
  flush(): void;
  /** Passes on nothing more, and reads nothing more. */
  stop(): void;
}

export interface ChaosPumpOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly clock: Clock;
  readonly draws: Seeded;
  readonly faults: () => ChaosFaults;
  /** Hears of bytes that were handed to `to`. */
  readonly onPassed: (bytes: number) => void;
}

/** More is left to the kernel, so that whoever sends feels that nobody reads. */
const heldLimitBytes = 262_144;

/** Carries bytes from one socket to the other, as late and as slowly as the faults say, and then the end. */
export function startPump(options: ChaosPumpOptions): ChaosPump {
  const { from, to, clock, draws, faults, onPassed } = options;
  /** An empty piece is the end. */
  const held: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  let heldBytes = 0;
  let lastDueMs = 0;
  let isStopped = false;
  let isBlocked = false;
  let cancelTimer: (() => void) | undefined;

  function hold(bytes: Buffer): void {
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond, slowCloseMs = 0 } = faults();
    const nowMs = clock.monotonicMs();
    const lateMs = latencyMs + (jitterMs > 0 ? draws.next() * jitterMs : 0) + (bytes.length === 0 ? slowCloseMs : 0);
    const sendingMs = bytesPerSecond === undefined ? 0 : (bytes.length * 1_000) / bytesPerSecond;
    lastDueMs = Math.max(nowMs + lateMs, lastDueMs) + sendingMs;
    held.push({ bytes, dueMs: lastDueMs });
    heldBytes += bytes.length;
    if (heldBytes > heldLimitBytes) from.pause();
    flush();
  }

  function flush(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    while (!isStopped && !isBlocked && faults().isPartitioned !== true) {
      const [next] = held;
      if (!next) return;
      const waitMs = next.dueMs - clock.monotonicMs();
      if (waitMs > 0) {
        cancelTimer = clock.setTimer(waitMs, flush);
        return;
      }
      held.shift();
      pass(next.bytes);
    }
  }

  function pass(bytes: Buffer): void {
    if (bytes.length === 0) return void to.end();
    heldBytes -= bytes.length;
    if (heldBytes <= heldLimitBytes && from.isPaused()) from.resume();
    if (!to.write(bytes)) {
      isBlocked = true;
      to.once("drain", () => {
        isBlocked = false;
        flush();
      });
    }
    onPassed(bytes.length);
  }

  from.on("data", hold);
  from.once("end", () => hold(Buffer.alloc(0)));
  return {
    flush,
    stop() {
      isStopped = true;
      cancelTimer?.();
      held.length = 0;
    },
  };
}

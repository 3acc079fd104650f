import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../service/clock.ts";
import type { Pressure } from "./load-shed.ts";

export interface LoopMonitorOptions {
  readonly clock: Clock;
  readonly sampleEveryMs?: number;
  /** A loop that stood still for this long within a sample is under high pressure. */
  readonly highDelayMs?: number;
  readonly severeDelayMs?: number;
  /** The longest delay since it was last read, in milliseconds. */
  readonly readDelayMs?: () => number;
}

export interface LoopMonitor {
  /** By the last whole sample, or at once by how late the next one is. */
  pressure(): Pressure;
  stop(): void;
}

/**
 * Watches how long the event loop stands still. A pause shows in the first question after it, and is over one clean
 * sample later: with the defaults, at most a second.
 */
export function createLoopMonitor(options: LoopMonitorOptions): LoopMonitor {
  const { clock, sampleEveryMs = 500, highDelayMs = 100, severeDelayMs = 500 } = options;
  const source = options.readDelayMs ? { read: options.readDelayMs, stop: () => {} } : createDelaySource();
  let lastDelayMs = 0;
  let dueMs = clock.monotonicMs() + sampleEveryMs;
  let cancel = clock.setTimer(sampleEveryMs, sample);

  function sample(): void {
    const nowMs = clock.monotonicMs();
    // The sample's own lateness counts too: the histogram's timer may run after ours.
    lastDelayMs = Math.max(source.read(), nowMs - dueMs);
    dueMs = nowMs + sampleEveryMs;
    cancel = clock.setTimer(sampleEveryMs, sample);
  }

  return {
    pressure() {
      const delayMs = Math.max(lastDelayMs, clock.monotonicMs() - dueMs);
      if (delayMs >= severeDelayMs) return "severe";
      return delayMs >= highDelayMs ? "high" : "none";
    },
    stop() {
      cancel();
      source.stop();
    },
  };
}

/** The delay of the real loop, from Node's own histogram. */
function createDelaySource(): { read(): number; stop(): void } {
  const resolutionMs = 10;
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return {
    read() {
      // The histogram counts the time between two of its ticks; an idle loop shows the resolution.
      const delayMs = Math.max(0, histogram.max / 1e6 - resolutionMs);
      histogram.reset();
      return delayMs;
    },
    stop: () => histogram.disable(),
  };
}

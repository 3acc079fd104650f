import type { ConsumerGate } from "../events/consumer-gate.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { Health } from "./health.ts";

/** Looks at a program's health by itself, for those who do not ask: consumers of events, watchers, peers. */
export interface HealthMonitor {
  /** False while a check that the service cannot do without is unhealthy, and after `close`. */
  isWell(service: string): boolean;
  /** Open while the service is well. */
  gateOf(service: string): ConsumerGate;
  /** Calls back when a service's state, or the program's as a whole, may have changed, until the result is called. */
  onChange(callback: () => void): () => void;
  /** Says that something has changed which the monitor does not see itself. */
  announce(): void;
  /** Closes every gate and looks no more. May be repeated. */
  close(): void;
}

export interface HealthMonitorOptions {
  readonly health: Health;
  readonly clock: Clock;
  /** Names of the checks that a service cannot do without. */
  readonly checksOf: (service: string) => readonly string[];
  readonly everyMs?: number;
}

/** Begins to look when `start` is called: at once, and then every 5 s after each look. Others' looks count as well. */
export function createHealthMonitor(options: HealthMonitorOptions): HealthMonitor & { start(): void } {
  const { health, clock, checksOf, everyMs = 5_000 } = options;
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  let before = "";
  const announce = () => {
    for (const listener of listeners) listener();
  };
  const forget = health.onReport(() => {
    const failing = [...health.failing()].sort().join();
    if (failing === before) return;
    before = failing;
    announce();
  });
  const isWell = (service: string) =>
    !closing.signal.aborted && !checksOf(service).some((name) => health.failing().has(name));
  const onChange = (callback: () => void) => {
    listeners.add(callback);
    return () => listeners.delete(callback);
  };

  async function look(): Promise<void> {
    while (!closing.signal.aborted) {
      await health.check();
      await delay(clock, everyMs, closing.signal).catch(() => {});
    }
  }

  return {
    start: () => void look(),
    isWell,
    gateOf: (service) => ({ isOpen: () => isWell(service), onChange }),
    onChange,
    announce,
    close() {
      forget();
      closing.abort();
      announce();
    },
  };
}

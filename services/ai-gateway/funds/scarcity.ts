import type { Clock } from "@lyss/kit/service/clock.ts";
import type { LeasePath } from "./budget-paths.ts";

/** Whose calls found too little of something for a lease a moment ago: for two seconds none is asked for. */
export interface Scarcity {
  notePath(path: LeasePath): void;
  /** Of all paths of the tenant. */
  noteTenant(tenantId: string): void;
  isOf(path: LeasePath): boolean;
  /** Forgets whose two seconds are over. */
  sweep(): void;
}

const scarceMs = 2_000;

export function createScarcity(clock: Clock): Scarcity {
  /** By path, and by tenant for all of its paths. */
  const untilMs = new Map<string, number>();

  function has(name: string): boolean {
    const until = untilMs.get(name);
    if (until === undefined) return false;
    if (clock.monotonicMs() < until) return true;
    untilMs.delete(name);
    return false;
  }

  const note = (name: string) => void untilMs.set(name, clock.monotonicMs() + scarceMs);

  return {
    notePath: ({ name }) => note(name),
    noteTenant: note,
    isOf: ({ name, tenantId }) => has(name) || has(tenantId),
    sweep() {
      for (const name of untilMs.keys()) has(name);
    },
  };
}

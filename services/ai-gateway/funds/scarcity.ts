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
  /** How many paths and tenants are remembered. */
  readonly size: number;
}

const scarceMs = 2_000;

export function createScarcity(clock: Clock): Scarcity {
  /** By path, and by tenant for all of its paths. */
  const untilMs = new Map<string, number>();

  const has = (name: string) => clock.monotonicMs() < (untilMs.get(name) ?? 0);
  const note = (name: string) => void untilMs.set(name, clock.monotonicMs() + scarceMs);

  return {
    notePath: ({ name }) => note(name),
    noteTenant: note,
    isOf: ({ name, tenantId }) => has(name) || has(tenantId),
    sweep() {
      for (const name of untilMs.keys()) if (!has(name)) untilMs.delete(name);
    },
    get size() {
      return untilMs.size;
    },
  };
}

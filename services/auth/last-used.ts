import type { Clock } from "@lyss/kit/service/clock.ts";

const maxKeys = 10_000;

/** Collects when keys were used, so that a call does not cost a write. */
export function createLastUsed(clock: Clock) {
  let usedAtMs = new Map<string, number>();
  return {
    /** Notes a use now. Beyond 10,000 keys between two flushes a use goes unnoted. */
    note(keyId: string): void {
      if (usedAtMs.size < maxKeys || usedAtMs.has(keyId)) usedAtMs.set(keyId, clock.nowMs());
    },
    /** What was noted since the last take. */
    take(): ReadonlyMap<string, number> {
      const taken = usedAtMs;
      usedAtMs = new Map();
      return taken;
    },
  };
}

export type LastUsed = ReturnType<typeof createLastUsed>;

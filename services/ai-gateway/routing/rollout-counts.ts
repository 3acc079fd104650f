import type { OfferRollout } from "../catalog.ts";
import { noCounts, type Rollout, type RolloutCounts } from "./rollout.ts";

/** How calls of routes did whose change is tried, at this node since they were taken last. */
export interface RolloutMeter {
  note(rollout: OfferRollout, isAnswered: boolean, tookMs: number): void;
  /** What was counted, by trial and stage; from here on it is counted anew. */
  take(): readonly (readonly [of: Pick<Rollout, "rolloutId" | "percent">, seen: RolloutCounts])[];
}

export function createRolloutMeter(): RolloutMeter {
  let counts = new Map<string, readonly [Pick<Rollout, "rolloutId" | "percent">, RolloutCounts]>();
  return {
    note({ rolloutId, percent, isNew }, isAnswered, tookMs) {
      const key = `${rolloutId} ${percent}`;
      const [, seen] = counts.get(key) ?? [undefined, noCounts];
      const side = isNew ? "candidate" : "current";
      const { calls, failed, totalMs } = seen[side];
      const one = { calls: calls + 1, failed: failed + (isAnswered ? 0 : 1), totalMs: totalMs + tookMs };
      counts.set(key, [
        { rolloutId, percent },
        { ...seen, [side]: one },
      ]);
    },
    take() {
      const taken = [...counts.values()];
      counts = new Map();
      return taken;
    },
  };
}

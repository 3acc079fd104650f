import type { Random } from "../service/ids.ts";

/** What a balancer is told of an endpoint. */
export interface Candidate {
  /** Calls under way. */
  readonly inFlight: number;
  /** Recent answer time; 0 while nothing is known of it. */
  latencyMs(): number;
}

/** Chooses one of at least one candidate. */
export type Balancer = <T extends Candidate>(candidates: readonly T[]) => T | undefined;

export type BalancerName = "round_robin" | "random" | "power_of_two";

/** Evenly from [0, 1). */
export type Draw = () => number;

/** Bytes fetched at a time: asking the system costs ten times what one draw needs of it. */
const poolBytes = 4_096;

export function createDraw(random: Random): Draw {
  let pool = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used + 4 > pool.length) {
      pool = Buffer.from(random.bytes(poolBytes));
      used = 0;
    }
    used += 4;
    return pool.readUInt32LE(used - 4) / 2 ** 32;
  };
}

/**
 * - `round_robin`: each in turn.
 * - `random`: each as likely as any other.
 * - `power_of_two`: of two drawn at random the one whose answer time × calls under way is smaller
 *   (M. Mitzenmacher, The Power of Two Choices, 2001). One of which nothing is known gets one call to find out.
 */
export function createBalancer(name: BalancerName, draw: Draw): Balancer {
  const drawIndex = (count: number) => Math.floor(draw() * count);
  let turn = 0;
  switch (name) {
    case "round_robin":
      return (candidates) => candidates[turn++ % candidates.length];
    case "random":
      return (candidates) => candidates[drawIndex(candidates.length)];
    case "power_of_two":
      return (candidates) => {
        const count = candidates.length;
        if (count < 2) return candidates[0];
        const first = drawIndex(count);
        const other = drawIndex(count - 1);
        const a = candidates[first];
        const b = candidates[other < first ? other : other + 1];
        if (!a || !b) return a ?? b;
        return costOf(b) < costOf(a) ? b : a;
      };
  }
}

/** More than any answer time: a second call to an endpoint that has not answered its first one is the last resort. */
const unknownLatencyMs = 1e9;

function costOf(candidate: Candidate): number {
  const latencyMs = candidate.latencyMs();
  if (latencyMs > 0) return latencyMs * (candidate.inFlight + 1);
  return candidate.inFlight === 0 ? 0 : unknownLatencyMs + candidate.inFlight;
}

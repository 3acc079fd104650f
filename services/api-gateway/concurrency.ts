import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Arrival } from "@lyss/kit/http/intake.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";

/** Requests under way by key, in this process and those that share its port. */
export interface Concurrency {
  /**
   * Takes a place of the key's until the answer has ended, and tells the client what is left. Throws
   * `resilience.too_many_at_once`. One whose client has left takes none: nothing would give it back.
   */
  take(arrival: Arrival, keyId: string, limit: number): void;
  /** Each node lets its share of a limit through, and one at least. */
  update(settings: { readonly processes: number }): void;
  /** Here. */
  countUnderWay(keyId: string): number;
  countRefused(): number;
}

const retryAfterMs = 1_000;

export function createConcurrency(
  settings: { readonly processes: number },
  { sharedCounts }: { readonly sharedCounts: SharedCounts },
): Concurrency {
  const underWay = new Map<string, number>();
  const elsewhere = new Map<string, number>();
  let { processes } = settings;
  let refused = 0;
  const noteHeld = sharedCounts.openHeld("edge-concurrent", (keyId, count) => setCount(elsewhere, keyId, count));

  function change(keyId: string, by: number): void {
    setCount(underWay, keyId, (underWay.get(keyId) ?? 0) + by);
    noteHeld(keyId, by);
  }

  return {
    take(arrival, keyId, limit) {
      if (arrival.isOver) return;
      const share = Math.max(1, Math.floor(limit / processes));
      const count = (underWay.get(keyId) ?? 0) + (elsewhere.get(keyId) ?? 0);
      const isAllowed = count < share;
      arrival.setHeader("x-ratelimit-limit-concurrent", String(share));
      arrival.setHeader("x-ratelimit-remaining-concurrent", String(Math.max(0, share - count - 1)));
      if (!isAllowed) {
        refused++;
        throw new Failure(resilienceFailures.too_many_at_once, { limit: share }, { retryAfterMs });
      }
      change(keyId, 1);
      arrival.onEnd(() => change(keyId, -1));
    },
    update(next) {
      processes = next.processes;
    },
    countUnderWay: (keyId) => underWay.get(keyId) ?? 0,
    countRefused: () => refused,
  };
}

function setCount(counts: Map<string, number>, keyId: string, count: number): void {
  if (count > 0) counts.set(keyId, count);
  else counts.delete(keyId);
}

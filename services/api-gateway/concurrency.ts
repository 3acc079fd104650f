import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Arrival } from "@lyss/kit/http/intake.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";

/** Requests under way by key, in this process. */
export interface Concurrency {
  /**
   * Takes a place of the key's until the answer has ended, and tells the client what is left. Throws
   * `resilience.too_many_at_once`. One whose client has left takes none: nothing would give it back.
   */
  take(arrival: Arrival, keyId: string, limit: number): void;
  /** Each process lets its share of a limit through, and one at least. */
  update(settings: { readonly processes: number }): void;
  countUnderWay(keyId: string): number;
  countRefused(): number;
}

const retryAfterMs = 1_000;

export function createConcurrency(settings: { readonly processes: number }): Concurrency {
  const underWay = new Map<string, number>();
  let { processes } = settings;
  let refused = 0;

  function giveBack(keyId: string): void {
    const count = underWay.get(keyId) ?? 0;
    if (count > 1) underWay.set(keyId, count - 1);
    else underWay.delete(keyId);
  }

  return {
    take(arrival, keyId, limit) {
      if (arrival.isOver) return;
      const share = Math.max(1, Math.floor(limit / processes));
      const count = underWay.get(keyId) ?? 0;
      const isAllowed = count < share;
      arrival.setHeader("x-ratelimit-limit-concurrent", String(share));
      arrival.setHeader("x-ratelimit-remaining-concurrent", String(Math.max(0, share - count - 1)));
      if (!isAllowed) {
        refused++;
        throw new Failure(resilienceFailures.too_many_at_once, { limit: share }, { retryAfterMs });
      }
      underWay.set(keyId, count + 1);
      arrival.onEnd(() => giveBack(keyId));
    },
    update(next) {
      processes = next.processes;
    },
    countUnderWay: (keyId) => underWay.get(keyId) ?? 0,
    countRefused: () => refused,
  };
}

import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Arrival } from "@lyss/kit/http/intake.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import { type LimitSubject, toSubjectDetails } from "./rate-limits.ts";
import type { OnReached } from "./reached-limits.ts";

/** How many requests of a key, a person or a group may be under way. */
export interface PlaceLimit {
  readonly subject: LimitSubject;
  readonly id: string;
  /** Of a group. */
  readonly name?: string;
  readonly limit: number;
}

/** Requests under way by key, person and group, in this process and those that share its port. */
export interface Concurrency {
  /**
   * Takes a place of each until the answer has ended, or of none, and tells the client what the scarcest has left. Throws
   * `resilience.too_many_at_once`. One whose client has left takes none: nothing would give it back.
   */
  take(arrival: Arrival, limits: readonly PlaceLimit[]): void;
  /** Each node lets its share of a limit through, and one at least. */
  update(settings: { readonly processes: number }): void;
  /** Here. */
  countUnderWay(id: string): number;
  countRefused(): number;
}

const retryAfterMs = 1_000;

export function createConcurrency(
  settings: { readonly processes: number },
  { sharedCounts, onReached }: { readonly sharedCounts: SharedCounts; readonly onReached?: OnReached },
): Concurrency {
  const underWay = new Map<string, number>();
  const elsewhere = new Map<string, number>();
  let { processes } = settings;
  let refused = 0;
  const noteHeld = sharedCounts.openHeld("edge-concurrent", (id, count) => setCount(elsewhere, id, count));

  function change(limits: readonly PlaceLimit[], by: number): void {
    for (const { id } of limits) {
      setCount(underWay, id, (underWay.get(id) ?? 0) + by);
      noteHeld(id, by);
    }
  }

  const shareOf = ({ limit }: PlaceLimit) => Math.max(1, Math.floor(limit / processes));
  const leftOf = (limit: PlaceLimit) => shareOf(limit) - (underWay.get(limit.id) ?? 0) - (elsewhere.get(limit.id) ?? 0);

  return {
    take(arrival, limits) {
      const [first] = limits;
      if (arrival.isOver || !first) return;
      let scarcest = first;
      let left = leftOf(first);
      for (let at = 1; at < limits.length; at++) {
        const other = limits[at] ?? first;
        const leftOfOther = leftOf(other);
        if (leftOfOther < left) [scarcest, left] = [other, leftOfOther];
      }
      const share = shareOf(scarcest);
      arrival.setHeader("x-ratelimit-limit-concurrent", String(share));
      arrival.setHeader("x-ratelimit-remaining-concurrent", String(Math.max(0, left - 1)));
      if (left <= 0) {
        refused++;
        const { subject, id: subjectId } = scarcest;
        if (arrival.caller && (subject === "user" || subject === "group")) {
          onReached?.({ subject, subjectId }, "concurrent", arrival.caller);
        }
        const details = { ...toSubjectDetails(scarcest), limit: share };
        throw new Failure(resilienceFailures.too_many_at_once, details, { retryAfterMs });
      }
      change(limits, 1);
      arrival.onEnd(() => change(limits, -1));
    },
    update(next) {
      processes = next.processes;
    },
    countUnderWay: (id) => underWay.get(id) ?? 0,
    countRefused: () => refused,
  };
}

function setCount(counts: Map<string, number>, id: string, count: number): void {
  if (count > 0) counts.set(id, count);
  else counts.delete(id);
}

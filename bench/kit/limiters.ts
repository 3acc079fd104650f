import { createLimiter } from "@lyss/kit/resilience/limiter-in-memory.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { RateLimiterMemory } from "rate-limiter-flexible";
import type { Contestant } from "./contest.ts";

/** A limit that nobody reaches: the way of an allowed take. */
const rate = { limit: 1_000_000_000, windowMs: 3_600_000 } as const;
const goalNs = 500;

/** One take in memory, walking through the keys, beside rate-limiter-flexible. */
export function createLimiterContestants(keyCount: number): readonly Contestant[] {
  const keys = Array.from({ length: keyCount }, (_, index) => `tenant-${index % 100}/key-${index}`);
  const keyAt = (i: number) => keys[i % keyCount] ?? "";
  const ours = (["token_bucket", "sliding_window"] as const).map((kind): Contestant => {
    const limiter = createLimiter({ kind, ...rate }, { clock: systemClock, maxKeys: 200_000 });
    return {
      name: `kit: ${kind}`,
      goalNs,
      run(count) {
        for (let i = 0; i < count; i++) limiter.take(keyAt(i));
      },
    };
  });
  const peer = new RateLimiterMemory({ points: rate.limit, duration: rate.windowMs / 1_000 });
  return [
    ...ours,
    {
      name: "rate-limiter-flexible: fixed window",
      async run(count) {
        for (let i = 0; i < count; i++) await peer.consume(keyAt(i));
      },
    },
  ];
}

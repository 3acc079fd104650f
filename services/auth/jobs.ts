import type { Degradation } from "@lyss/kit/resilience/degradation.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { AuthOps } from "./ops.ts";

/** The background work of auth. */
export function createAuthJobs(
  ops: Pick<AuthOps, "flushLastUsed" | "flushLastSeen" | "sweepSessions" | "keepSigningKeys" | "sweepFactors">,
  degradation: Degradation,
): readonly Job[] {
  const run = degradation.degradable({
    feature: "key-last-used",
    level: "reduced",
    async run() {
      await Promise.all([ops.flushLastUsed(), ops.flushLastSeen()]);
    },
    // What was noted waits for the first flush after it.
    fallback: () => {},
  });
  return [
    { name: "flush-last-used", everyMs: 10_000, run },
    { name: "keep-signing-keys", everyMs: 60_000, run: () => ops.keepSigningKeys() },
    { name: "sweep-sessions", everyMs: 60_000, run: () => ops.sweepSessions() },
    { name: "sweep-factors", everyMs: 60_000, run: () => ops.sweepFactors() },
  ];
}

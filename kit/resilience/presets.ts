import type { BreakerOptions } from "./breaker.ts";
import type { BulkheadOptions } from "./bulkhead.ts";
import type { RetryOptions } from "./retry.ts";
import type { RetryBudgetOptions } from "./retry-budget.ts";

/** The values with which the platform's first design was drawn: counted in a row, patient, and without doubling. */
export const seedDefaults = {
  breaker: {
    trip: { kind: "consecutive", maxFailures: 5 },
    openMs: 60_000,
    maxOpenMs: 60_000,
    probes: 3,
    successesToClose: 2,
  },
  retry: { maxRetries: 3, baseDelayMs: 100, maxDelayMs: 10_000, factor: 2 },
} as const satisfies { breaker: BreakerOptions; retry: RetryOptions };

/** What a policy has where its configuration does not say otherwise. */
export const platformDefaults = {
  breaker: {
    trip: { kind: "ratio", windowMs: 30_000, minCalls: 20, failureRatio: 0.5 },
    openMs: 15_000,
    maxOpenMs: 120_000,
    probes: 3,
    successesToClose: 3,
  },
  retry: { maxRetries: 2, baseDelayMs: 100, maxDelayMs: 2_000, factor: 2 },
  retryBudget: { ratio: 0.1, reserve: 3, windowMs: 10_000 },
  bulkhead: { maxConcurrent: 100, maxQueue: 100, maxQueueMs: 1_000 },
} as const satisfies {
  breaker: BreakerOptions;
  retry: RetryOptions;
  retryBudget: RetryBudgetOptions;
  bulkhead: BulkheadOptions;
};

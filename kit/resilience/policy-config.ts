import { z } from "zod";
import { platformDefaults } from "./presets.ts";

const { breaker, retry, retryBudget, bulkhead } = platformDefaults;

/** A day. Node's timers end at once when they are given more than 24 of them. */
export const maxDurationMs = 86_400_000;

const durationMs = z.int().min(1).max(maxDurationMs);
const ratio = z.number().gt(0).max(1);

const tripSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("consecutive"), maxFailures: z.int().min(1).max(10_000) }),
  z.strictObject({
    kind: z.literal("ratio"),
    windowMs: z.int().min(100).max(3_600_000).default(breaker.trip.windowMs),
    minCalls: z.int().min(1).max(1_000_000).default(breaker.trip.minCalls),
    failureRatio: ratio.default(breaker.trip.failureRatio),
  }),
]);

const breakerSchema = z
  .strictObject({
    trip: tripSchema.default(breaker.trip),
    slowCallMs: durationMs.optional(),
    openMs: durationMs.default(breaker.openMs),
    maxOpenMs: durationMs.default(breaker.maxOpenMs),
    probes: z.int().min(1).max(1_000).default(breaker.probes),
    successesToClose: z.int().min(1).max(1_000).default(breaker.successesToClose),
  })
  .refine(({ probes, successesToClose }) => successesToClose <= probes, {
    path: ["successesToClose"],
    message: "more than there are probes",
  })
  .refine(({ openMs, maxOpenMs }) => openMs <= maxOpenMs, { path: ["maxOpenMs"], message: "less than openMs" });

const retrySchema = z.strictObject({
  maxRetries: z.int().min(0).max(20).default(retry.maxRetries),
  baseDelayMs: durationMs.default(retry.baseDelayMs),
  maxDelayMs: durationMs.default(retry.maxDelayMs),
  factor: z.number().min(1).max(10).default(retry.factor),
});

const retryBudgetSchema = z.strictObject({
  ratio: z.number().min(0).max(1).default(retryBudget.ratio),
  reserve: z.int().min(0).max(1_000).default(retryBudget.reserve),
  windowMs: z.int().min(100).max(3_600_000).default(retryBudget.windowMs),
});

const bulkheadSchema = z.strictObject({
  maxConcurrent: z.int().min(1).max(100_000).default(bulkhead.maxConcurrent),
  maxQueue: z.int().min(0).max(100_000).default(bulkhead.maxQueue),
  maxQueueMs: durationMs.default(bulkhead.maxQueueMs),
});

/** One policy. A part that is left out is left out of the policy; `{}` gives it the platform's values. */
export const policySchema = z.strictObject({
  timeoutMs: durationMs.optional().describe("Limit of the call as a whole, its repeats and waits included."),
  retry: retrySchema.optional(),
  retryBudget: retryBudgetSchema.prefault({}),
  bulkhead: bulkheadSchema.optional(),
  breaker: breakerSchema.optional(),
  attemptTimeoutMs: durationMs.optional().describe("Limit of each attempt."),
});

const maxPolicies = 1_000;

/** Policies by their names. */
export const policiesSchema = z
  .record(z.string().regex(/^[a-z][a-zA-Z0-9._-]{0,79}$/), policySchema)
  .refine((policies) => Object.keys(policies).length <= maxPolicies, { message: `more than ${maxPolicies} policies` });

/** As it is written; defaults may be left out. */
export type PolicyConfig = z.input<typeof policySchema>;
export type PolicyOptions = z.output<typeof policySchema>;

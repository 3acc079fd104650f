import type { Arrival, Intake } from "@lyss/kit/http/intake.ts";
import type { Degradation } from "@lyss/kit/resilience/degradation.ts";
import { degradationLevels } from "@lyss/kit/resilience/degradation-level.ts";
import type { LoadShedder } from "@lyss/kit/resilience/load-shed.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Concurrency, PlaceLimit } from "./concurrency.ts";
import { type KeyRules, type RulesOf, requirePlace, sharedLimitsOf } from "./key-rules.ts";
import { invalidPriority, priorityOf } from "./priority.ts";
import type { RateLimits } from "./rate-limits.ts";

export interface EdgeIntakeDeps {
  /** What a caller's key is held to. */
  readonly rulesOf: RulesOf;
  readonly concurrency: Concurrency;
  readonly limits: RateLimits;
  readonly shedder: LoadShedder;
  readonly degradation: Degradation;
  readonly clock: Clock;
}

/**
 * What every request to a route passes at the edge: from where its key may be used, load, then limits, so that what is turned away for load costs
 * nobody's limit. Answers say how degraded the platform is, and how they went decides how degraded it will be.
 */
export function createEdgeIntake({
  rulesOf,
  concurrency,
  limits,
  shedder,
  degradation,
  clock,
}: EdgeIntakeDeps): Intake {
  return (arrival) => {
    const { caller, route } = arrival;
    const level = degradationLevels.indexOf(degradation.level());
    if (level > 0) arrival.setHeader("x-lyss-degradation", `L${level}`);
    const priority = priorityOf(arrival, caller, route.priority);
    const rules = caller && rulesOf(caller);
    arrival.onEnd((status) => recordAnswer(degradation, clock, arrival, status));
    if (rules) requirePlace(rules, arrival);
    const isWaiting = route.kind === "raw" && route.isWaiting;
    // Who left while its key was looked up takes no place, for nothing would give it back; its limits count it all the same.
    if (priority !== "essential" && !arrival.isOver) {
      const leave = shedder.admit(priority ?? "batch");
      if (isWaiting) leave();
      else arrival.onEnd(leave);
    }
    if (rules && !isWaiting) concurrency.take(arrival, listPlaceLimits(rules, caller, arrival));
    const taken = limits.take(arrival);
    if (priority !== undefined) {
      const urgency = priority === "essential" ? "interactive" : priority;
      return taken ? taken.then(() => urgency) : urgency;
    }
    // A request that is wrong counts like any other.
    return Promise.resolve(taken).then(() => {
      throw invalidPriority();
    });
  };
}

/** Whose requests under way are limited, the narrowest first. */
function listPlaceLimits(rules: KeyRules, { keyId }: Caller, arrival: Arrival): readonly PlaceLimit[] {
  const { maxConcurrentRequests: limitOfKey } = rules;
  const places: PlaceLimit[] = limitOfKey > 0 ? [{ subject: "key", id: keyId, limit: limitOfKey }] : [];
  if (rules.shared.length === 0) return places;
  for (const { subject, subjectId: id, name, maxConcurrentRequests: limit } of sharedLimitsOf(rules, arrival)) {
    if (limit > 0) places.push({ subject, id, limit, ...(name !== undefined && { name }) });
  }
  return places;
}

/**
 * 500 and 503 are ours; 502 and 504 tell of a provider, which has its breaker. How long an answer of a raw route or a stream takes
 * is up to a model.
 */
function recordAnswer(
  degradation: Degradation,
  clock: Clock,
  { startedMs, route }: Arrival,
  status: number | undefined,
): void {
  if (status === undefined) return;
  const durationMs = route.kind === "raw" || route.mayStream ? 0 : clock.monotonicMs() - startedMs;
  degradation.record(durationMs, status === 500 || status === 503);
}

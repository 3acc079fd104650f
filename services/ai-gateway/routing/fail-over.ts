import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { createRetryBudget } from "@lyss/kit/resilience/retry-budget.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { hasNotLeft } from "../call/dispatch.ts";
import type { Target } from "../model.ts";
import { noteUnanswered, type Standings } from "./standing.ts";
import type { TargetHealth } from "./target-health.ts";

/** Whether a call whose target failed goes on, and where. Only before the first byte of an answer has left. */
export interface FailOver {
  /** The first of `targets` that is well, else the first of all. Undefined for none. */
  first(targets: readonly Target[]): Target | undefined;
  /** A call of a name with several targets begins: it earns a part of an attempt more. */
  noteCall(): void;
  noteAnswer(target: Target): void;
  /** An attempt after one that failed is being answered: what was taken for it can be taken for another call. */
  giveBack(): void;
  /**
   * Why the last of `tried` failed before anything of an answer left. Gives where the call goes on: at the first that is well and was
   * not tried, else at the first that was not. Undefined where another would do no better, where all were tried, after
   * `maxAttempts`, and where this node has no attempt left.
   */
  next(err: unknown, at: Attempted): Target | undefined;
  /**
   * Another target to ask while the last of `tried` is silent. Undefined where no other is well, after `maxAttempts`, and where
   * this node has no attempt left.
   */
  beside(at: Attempted): Target | undefined;
  /** What an attempt beside another has shown: as `next` remembers it. */
  noteFailure(target: Target, err: unknown): void;
  /** The same for a target that was not asked at all. */
  skip(tried: readonly Target[], targets: readonly Target[]): Target | undefined;
}

/** How far a call has got. */
export interface Attempted {
  readonly tried: readonly Target[];
  /** All that can take it. */
  readonly targets: readonly Target[];
  /** That were paid for. */
  readonly attempts: number;
}

/** As the configuration has it. */
export interface FailOverSettings {
  /** Attempts of one call at most; 1 for none but the first. */
  readonly maxAttempts: number;
  /** Attempts beyond the first that a call earns, and those in hand for times of little traffic. */
  readonly budgetRatio: number;
  readonly budgetReserve: number;
}

const budgetWindowMs = 10_000;

const { upstream_rate_limited, upstream_unauthorized, upstream_failed, upstream_timeout } = aiGatewayFailures;
const { upstream_truncated, upstream_overloaded } = aiGatewayFailures;
const { circuit_open, bulkhead_full } = resilienceFailures;

/** What a provider did wrong, or has no room for. What it refused of the request itself, others refuse too. */
const ofTarget: readonly FailureType[] = [
  ...[upstream_rate_limited, upstream_unauthorized, upstream_failed, upstream_timeout, upstream_truncated],
  ...[upstream_overloaded, circuit_open, bulkhead_full],
];
/** Where nothing left the node. */
const ofOurs: readonly FailureType[] = [circuit_open, bulkhead_full];

/** True for a failure of a target, as opposed to one of the request, of its money, or of this node. */
export function isOfTarget(err: unknown): boolean {
  return ofTarget.some((type) => isFailure(err, type));
}

/** True when the attempt certainly did not reach the provider: another one adds nothing to anybody's load. */
function isFree(err: unknown): boolean {
  return ofOurs.some((type) => isFailure(err, type)) || (isFailure(err) && hasNotLeft(err.cause));
}

export function createFailOver(
  { maxAttempts, budgetRatio, budgetReserve }: FailOverSettings,
  deps: { readonly clock: Clock; readonly health: TargetHealth; readonly standings: Standings },
): FailOver {
  const { clock, health, standings } = deps;
  const limits = { ratio: budgetRatio, reserve: budgetReserve, windowMs: budgetWindowMs };
  const budget = createRetryBudget(limits, { clock });

  function skip(tried: readonly Target[], targets: readonly Target[]): Target | undefined {
    const left = targets.filter((target) => !tried.includes(target));
    return left.find(health.isWell) ?? left[0];
  }

  function noteFailure(target: Target, err: unknown): void {
    if (!isOfTarget(err) || ofOurs.some((type) => isFailure(err, type))) return;
    health.noteFailure(target, err);
    noteUnanswered(standings.of(target));
  }

  return {
    first: (targets) => (targets.length < 2 ? targets[0] : (targets.find(health.isWell) ?? targets[0])),
    noteCall: budget.request,
    noteAnswer(target) {
      budget.success();
      health.noteAnswer(target);
    },
    giveBack: budget.giveBack,
    next(err, { tried, targets, attempts }) {
      if (!isOfTarget(err)) return undefined;
      const failed = tried.at(-1);
      if (failed) noteFailure(failed, err);
      const target = attempts < maxAttempts ? skip(tried, targets) : undefined;
      return target && (isFree(err) || budget.take()) ? target : undefined;
    },
    beside({ tried, targets, attempts }) {
      if (attempts >= maxAttempts) return undefined;
      const target = targets.find((it) => !tried.includes(it) && health.isWell(it));
      return target && budget.take() ? target : undefined;
    },
    noteFailure,
    skip,
  };
}

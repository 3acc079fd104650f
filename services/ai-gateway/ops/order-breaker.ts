import { resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Breaker } from "@lyss/kit/resilience/breaker.ts";
import type { PolicyStats } from "@lyss/kit/resilience/policy.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { AiGatewayDeps } from "../deps.ts";

export const breakerActions = ["force_open", "force_closed", "reset"] as const;
export type BreakerAction = (typeof breakerActions)[number];

export interface BreakerOrder {
  readonly policy: string;
  readonly action: BreakerAction;
  readonly userId: string;
}

/**
 * Opens or closes a breaker by hand, here at once and on every other node within a second. Throws `policy_not_found` and
 * `policy_without_breaker`. May be repeated.
 */
export async function orderBreaker(deps: AiGatewayDeps, order: BreakerOrder): Promise<PolicyStats> {
  const { node, outbox, db, log } = deps;
  const { policy: name, action, userId } = order;
  const policy = deps.policies.find(name);
  if (!policy) throw new Failure(resilienceFailures.policy_not_found, { policy: name });
  const breaker = policy.breaker();
  if (!breaker) throw new Failure(resilienceFailures.policy_without_breaker, { policy: name });
  await db.transaction((tx) =>
    outbox.append(tx, resilienceOrdered, {
      ...{ node, userId },
      order: { case: "breaker", value: { policy: name, action } },
    }),
  );
  log.info({ policy: name, action, user_id: userId }, "a breaker is ordered by hand");
  actOn(breaker, action);
  return policy.stats();
}

/** What another node was ordered. A policy that is not known here, or has no breaker, is passed over. */
export function followBreakerOrder(
  { policies }: Pick<AiGatewayDeps, "policies">,
  { policy, action }: { readonly policy: string; readonly action: string },
): void {
  const known = breakerActions.find((each) => each === action);
  const breaker = policies.find(policy)?.breaker();
  if (known && breaker) actOn(breaker, known);
}

function actOn(breaker: Breaker, action: BreakerAction): void {
  if (action === "force_open") breaker.forceOpen();
  else if (action === "force_closed") breaker.forceClosed();
  else breaker.reset();
}

import { resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { DegradationStats } from "@lyss/kit/resilience/degradation.ts";
import type { DegradationLevel } from "@lyss/kit/resilience/degradation-level.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { AiGatewayDeps } from "../deps.ts";

export interface DegradationOrder {
  /** Undefined gives it back to the measurements. */
  readonly level: DegradationLevel | undefined;
  /** Undefined for all that is offered. */
  readonly feature: string | undefined;
  readonly userId: string;
}

/**
 * Sets a level by hand, here at once and on every other node within a second. Throws `feature_not_found` for a feature
 * that nothing here has. May be repeated.
 */
export async function orderDegradation(deps: AiGatewayDeps, order: DegradationOrder): Promise<DegradationStats> {
  const { node, outbox, db, degradation, log } = deps;
  const { level, feature, userId } = order;
  if (feature !== undefined && !degradation.stats().features.some((known) => known.feature === feature)) {
    throw new Failure(resilienceFailures.feature_not_found, { feature });
  }
  await db.transaction((tx) =>
    outbox.append(tx, resilienceOrdered, {
      ...{ node, userId },
      order: { case: "degradation", value: { level: level ?? "", feature: feature ?? "" } },
    }),
  );
  log.info({ level: level ?? "auto", feature, user_id: userId }, "a level is ordered by hand");
  degradation.force(level, feature);
  return degradation.stats();
}

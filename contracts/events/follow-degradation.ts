import { onBroadcast, type Subscription } from "@lyss/kit/events/event.ts";
import type { Degradation } from "@lyss/kit/resilience/degradation.ts";
import { degradationLevels } from "@lyss/kit/resilience/degradation-level.ts";
import { resilienceOrdered } from "./ai-gateway.ts";

/**
 * Keeps this process at the level that a person ordered on another one. An order for a feature that is not here is passed
 * over, and so is one that was missed: it is not repeated.
 */
export function followDegradation(degradation: Degradation, node: string): Subscription {
  return onBroadcast(
    "follow-degradation",
    resilienceOrdered,
    ({ data }) => {
      if (data.node === node || data.order.case !== "degradation") return;
      const { level, feature } = data.order.value;
      const wanted = degradationLevels.find((each) => each === level);
      if (feature === "") degradation.force(wanted);
      else if (degradation.stats().features.some((known) => known.feature === feature))
        degradation.force(wanted, feature);
    },
    () => {},
  );
}

import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  BreakerChangedSchema,
  DegradationChangedSchema,
  ProviderChangedSchema,
  ResilienceOrderedSchema,
} from "../gen/lyss/ai_gateway/v1/ai_gateway_pb.js";

/** A tenant's providers or their models changed; nodes refresh their snapshot. */
export const providerChanged = defineEvent("provider.changed", ProviderChangedSchema, (event) => event.tenantId);

export const breakerChanged = defineEvent(
  "resilience.breaker.changed",
  BreakerChangedSchema,
  ({ node, policy }) => `${node} ${policy}`,
);

export const degradationChanged = defineEvent(
  "degradation.level.changed",
  DegradationChangedSchema,
  ({ node, feature }) => `${node} ${feature}`,
);

/** A person opened or closed a breaker, or set a level; nodes follow. One order after the other, for all of them. */
export const resilienceOrdered = defineEvent("resilience.ordered", ResilienceOrderedSchema, () => "orders");

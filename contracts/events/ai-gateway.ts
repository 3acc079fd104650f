import { defineEvent } from "@lyss/kit/events/event.ts";
import { ProviderChangedSchema } from "../gen/lyss/ai_gateway/v1/ai_gateway_pb.js";

/** A tenant's providers or their models changed; nodes refresh their snapshot. */
export const providerChanged = defineEvent("provider.changed", ProviderChangedSchema, (event) => event.tenantId);

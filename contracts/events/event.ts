import { defineEvent } from "@lyss/kit/events/event.ts";
import { WebhookChangedSchema, WebhookDisabledSchema } from "../gen/lyss/event/v1/event_pb.js";

/** Where events are sent was changed, or halted. */
export const webhookChanged = defineEvent(
  "webhook.changed",
  WebhookChangedSchema,
  (event) => event.tenantId || "platform",
);

/** Events are not sent there until somebody resumes it. */
export const webhookDisabled = defineEvent(
  "webhook.disabled",
  WebhookDisabledSchema,
  (event) => event.tenantId || "platform",
);

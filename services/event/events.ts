import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { platformWebhookEvents, webhookEvents } from "@lyss/contracts/events/tenant-events.ts";
import type { EventType, Subscription } from "@lyss/kit/events/event.ts";
import type { EventOps } from "./ops.ts";

/** All that a webhook may be sent, each once. */
export const heardEvents: readonly EventType[] = [...new Set([...webhookEvents, ...platformWebhookEvents])];

const schemas = new Map(heardEvents.map(({ type, schema }) => [type, schema]));

/** Each event is written down for the webhooks that want it. What says of itself no tenant is the platform's. */
export function createEventSubscriptions(ops: Pick<EventOps, "queueWebhooks">): readonly Subscription[] {
  return [
    {
      mode: "durable",
      name: "queue-webhooks",
      events: heardEvents,
      async handle(tx, { id: eventId, type, timeMs, data: message }) {
        const schema = schemas.get(type);
        if (!schema) return;
        const data = toJson(schema, message) as JsonObject;
        const tenantId = String(data["tenantId"] ?? "");
        await ops.queueWebhooks(tx, { tenantId, eventId, type, timeMs, data });
      },
    },
  ];
}

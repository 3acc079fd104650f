import { webhookChanged, webhookDisabled } from "@lyss/contracts/events/event.ts";
import { EventService } from "@lyss/contracts/gen/lyss/event/v1/event_pb.js";
import { createEventDesk } from "@lyss/kit/events/event-desk.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createEventSubscriptions, heardEvents } from "./events.ts";
import { createEventOps } from "./ops.ts";
import { eventRoutes } from "./routes.ts";
import { createEventRpc } from "./rpc.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";

export const event = defineService({
  name: "event",
  contract: EventService,
  needs: {},
  publishes: [webhookChanged, webhookDisabled],
  hears: heardEvents,
  config: {},
  migrations: new URL("./migrations/", import.meta.url),
  routes: eventRoutes,

  async start({ db, outbox, clock, random, log, metrics, node: by, deriveKey }) {
    const key = deriveKey("event.webhook");
    const webhooks = createWebhooks({ db, outbox, clock, random, log, metrics, by, key });
    const ops = createEventOps({ desk: createEventDesk(db.sql), clock, random, webhooks });
    return {
      ops,
      rpc: createEventRpc(ops),
      subscriptions: createEventSubscriptions(ops),
      jobs: webhooks.jobs,
      health: { database: () => db.ping(2_000) },
    };
  },
});

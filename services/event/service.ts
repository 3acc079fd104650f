import { EventService } from "@lyss/contracts/gen/lyss/event/v1/event_pb.js";
import { createEventDesk } from "@lyss/kit/events/event-desk.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createEventOps } from "./ops.ts";
import { eventRoutes } from "./routes.ts";
import { createEventRpc } from "./rpc.ts";

export const event = defineService({
  name: "event",
  contract: EventService,
  needs: {},
  publishes: [],
  hears: [],
  config: {},
  migrations: new URL("./migrations/", import.meta.url),
  routes: eventRoutes,

  async start({ db, clock, random }) {
    const ops = createEventOps({ desk: createEventDesk(db.sql), clock, random });
    return { ops, rpc: createEventRpc(ops), health: { database: () => db.ping(2_000) } };
  },
});

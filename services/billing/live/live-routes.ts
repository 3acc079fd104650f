import { routesFor } from "@lyss/kit/http/route.ts";
import type { BillingOps } from "../ops.ts";
import { sendLive } from "./send-live.ts";

const { raw } = routesFor<BillingOps>();

/** What happens, as it happens. */
export const liveRoutes = [
  raw({
    method: "GET",
    path: "/api/v1/live",
    permission: "billing:read",
    operation: "watchTenant",
    summary:
      "Server-sent events of the tenant: `request` for each attempt that was recorded, as the usage list has it, `balance`, `alert` (with `event:read`), and `missed` with the number of requests that were not told. Without `billing:audit` requests are one's own.",
    bodyLimitBytes: 0,
    files: ["text/event-stream"],
    headers: {
      Accept: "`text/event-stream`, as an EventSource sends it.",
      "Last-Event-ID":
        "The last id that was seen: what was recorded since, within a quarter of an hour, is told first; the one with that id may come again.",
    },
    handle: (ops, exchange) => sendLive(ops.live, exchange),
  }),
];

import { logRoutes } from "./log-routes.ts";
import { operationRoutes } from "./operation-routes.ts";
import { subscriptionRoutes } from "./subscription-routes.ts";
import { webhookRoutes } from "./webhook-routes.ts";

/** The event log for operators below `/admin/events`, and for tenants as `/api/v1/events`; and where events are sent. */
export const eventRoutes = [...logRoutes, ...subscriptionRoutes, ...operationRoutes, ...webhookRoutes];

import { logRoutes } from "./log-routes.ts";
import { operationRoutes } from "./operation-routes.ts";
import { subscriptionRoutes } from "./subscription-routes.ts";

/** The event log for operators below `/admin/events`, and for tenants as `/api/v1/events`. */
export const eventRoutes = [...logRoutes, ...subscriptionRoutes, ...operationRoutes];

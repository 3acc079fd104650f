import type { EventDeps } from "./deps.ts";
import type { ListEventsInput, SubscriptionReference } from "./model.ts";
import { forgetSubscription } from "./ops/forget-subscription.ts";
import { getEvent } from "./ops/get-event.ts";
import { getOperation, type OperationReference } from "./ops/get-operation.ts";
import { getSubscription } from "./ops/get-subscription.ts";
import { listEventTypes } from "./ops/list-event-types.ts";
import { listEvents } from "./ops/list-events.ts";
import { type ListOperationsInput, listOperations } from "./ops/list-operations.ts";
import { type ListParkedEventsInput, listParkedEvents } from "./ops/list-parked-events.ts";
import { listSubscriptions } from "./ops/list-subscriptions.ts";
import { type ListTenantEventsInput, listTenantEvents } from "./ops/list-tenant-events.ts";
import { type RedriveInput, redriveParkedEvents } from "./ops/redrive-parked-events.ts";
import { type ReplayInput, replayEvents } from "./ops/replay-events.ts";
import { skipParkedEvents } from "./ops/skip-parked-events.ts";
import { cancelOperation, pauseOperation, resumeOperation } from "./ops/steer-operation.ts";

/** Binds the operations on the event log to what they need. */
export function createEventOps(deps: EventDeps) {
  const { webhooks } = deps;
  return {
    listEvents: (input: ListEventsInput) => listEvents(deps, input),
    getEvent: (input: { readonly eventId: string }) => getEvent(deps, input),
    listEventTypes: () => listEventTypes(deps),
    listTenantEvents: (input: ListTenantEventsInput) => listTenantEvents(deps, input),
    listSubscriptions: (input: { readonly service: string | undefined }) => listSubscriptions(deps, input),
    getSubscription: (input: SubscriptionReference) => getSubscription(deps, input),
    forgetSubscription: (input: SubscriptionReference & { readonly askedBy: string }) =>
      forgetSubscription(deps, input),
    listParkedEvents: (input: ListParkedEventsInput) => listParkedEvents(deps, input),
    redriveParkedEvents: (input: RedriveInput) => redriveParkedEvents(deps, input),
    skipParkedEvents: (input: RedriveInput) => skipParkedEvents(deps, input),
    replayEvents: (input: ReplayInput) => replayEvents(deps, input),
    listOperations: (input: ListOperationsInput) => listOperations(deps, input),
    getOperation: (input: OperationReference) => getOperation(deps, input),
    pauseOperation: (input: OperationReference) => pauseOperation(deps, input),
    resumeOperation: (input: OperationReference) => resumeOperation(deps, input),
    cancelOperation: (input: OperationReference) => cancelOperation(deps, input),
    queueWebhooks: webhooks.queue,
    listWebhooks: webhooks.list,
    getWebhook: webhooks.get,
    putWebhook: webhooks.put,
    removeWebhook: webhooks.remove,
    pauseWebhook: webhooks.pause,
    resumeWebhook: webhooks.resume,
    rotateWebhookSecret: webhooks.rotate,
    testWebhook: webhooks.test,
    listWebhookDeliveries: webhooks.listDeliveries,
    sendWebhookDelivery: webhooks.sendAgain,
  };
}

export type EventOps = ReturnType<typeof createEventOps>;

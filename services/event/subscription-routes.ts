import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import {
  eventBody,
  operationBody,
  subscriptionBody,
  toEventBody,
  toOperationBody,
  toSubscriptionBody,
} from "./bodies.ts";
import { eventFields } from "./model.ts";
import type { EventOps } from "./ops.ts";

const { json } = routesFor<EventOps>();

const permission = "platform:events";
const params = z.strictObject({ service: eventFields.service, subscription: eventFields.subscription });
const path = "/admin/events/subscriptions/{service}/{subscription}";

const parkedEvent = z.strictObject({
  event: eventBody,
  attempts: z.int().describe("How often it was tried, redrives included."),
  last_error: z.string(),
  parked_at: z.iso.datetime(),
});

const parkedScope = z
  .strictObject({
    event_ids: eventFields.eventIds,
    types: eventFields.types,
    keys: eventFields.keys,
  })
  .prefault({});

/** Durable subscriptions, and what to do with the events that they gave up. */
export const subscriptionRoutes = [
  json({
    method: "GET",
    path: "/admin/events/subscriptions",
    permission,
    operation: "listSubscriptions",
    summary: "Durable subscriptions of all services, with their lag.",
    query: z.strictObject({ service: eventFields.service.optional() }),
    response: z.strictObject({ object: z.literal("list"), data: z.array(subscriptionBody) }),
    async handle(ops, { query: { service } }) {
      const rows = await ops.listSubscriptions({ service });
      return { object: "list" as const, data: rows.map(toSubscriptionBody) };
    },
  }),
  json({
    method: "GET",
    path,
    permission,
    operation: "getSubscription",
    summary: "A durable subscription, with its lag.",
    params,
    response: subscriptionBody,
    failures: [eventServiceFailures.subscription_not_found],
    handle: async (ops, request) => toSubscriptionBody(await ops.getSubscription(request.params)),
  }),
  json({
    method: "DELETE",
    path,
    permission,
    operation: "forgetSubscription",
    summary: "Forgets a subscription that no program has any more, with its parked events.",
    params,
    response: operationBody,
    failures: [eventServiceFailures.subscription_not_found, eventServiceFailures.subscription_live],
    handle: async (ops, request) =>
      toOperationBody(await ops.forgetSubscription({ ...request.params, askedBy: askerOf(request) })),
  }),
  json({
    method: "GET",
    path: `${path}/parked`,
    permission,
    operation: "listParkedEvents",
    summary: "Events that the subscription gave up, oldest first.",
    params,
    query: z.strictObject({
      ...pageQueryFields,
      id: eventFields.eventIds,
      type: eventFields.types,
      key: eventFields.keys,
    }),
    response: pageOf(parkedEvent),
    failures: [eventServiceFailures.subscription_not_found],
    async handle(ops, request) {
      const { id: eventIds, type: types, key: keys, ...page } = request.query;
      const rows = await ops.listParkedEvents({ ...request.params, scope: { eventIds, types, keys }, ...page });
      return toPageBody(rows, (row) => ({
        event: toEventBody(row),
        attempts: row.attempts,
        last_error: row.lastError,
        parked_at: row.parkedAt.toISOString(),
      }));
    },
  }),
  json({
    method: "POST",
    path: `${path}/parked:redrive`,
    permission,
    operation: "redriveParkedEvents",
    summary: "Sends parked events through their handler again; all of them unless some are named.",
    params,
    body: parkedScope,
    response: operationBody,
    successStatus: 202,
    failures: [eventServiceFailures.subscription_not_found, eventServiceFailures.too_many_operations],
    handle: async (ops, request) => toOperationBody(await ops.redriveParkedEvents(toParkedInput(request))),
  }),
  json({
    method: "POST",
    path: `${path}/parked:skip`,
    permission,
    operation: "skipParkedEvents",
    summary: "Gives parked events up for good, at most 10,000; all of them unless some are named.",
    params,
    body: parkedScope,
    response: operationBody,
    failures: [eventServiceFailures.subscription_not_found],
    handle: async (ops, request) => toOperationBody(await ops.skipParkedEvents(toParkedInput(request))),
  }),
];

function toParkedInput(request: JsonRequest<z.output<typeof parkedScope>, unknown, z.output<typeof params>>) {
  const { event_ids: eventIds, types, keys } = request.body;
  return { ...request.params, scope: { eventIds, types, keys }, askedBy: askerOf(request) };
}

function askerOf(request: Parameters<typeof requireCaller>[0]): string {
  const { userId, keyId } = requireCaller(request);
  return userId || keyId;
}

import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { operationBody, toOperationBody } from "./bodies.ts";
import { eventFields } from "./model.ts";
import type { EventOps } from "./ops.ts";

const { json } = routesFor<EventOps>();

const permission = "platform:events";
const params = z.strictObject({ id: eventFields.operationId });
const path = "/admin/events/operations";

const steering = {
  method: "POST",
  permission,
  params,
  response: operationBody,
  failures: [eventServiceFailures.operation_not_found, eventServiceFailures.operation_state],
} as const;

/** Replays, and what became of all that operators asked for. */
export const operationRoutes = [
  json({
    method: "POST",
    path: "/admin/events/subscriptions/{service}/{subscription}/replays",
    permission,
    operation: "replayEvents",
    summary: "Sends a range of the log through the subscription's handler again.",
    params: z.strictObject({ service: eventFields.service, subscription: eventFields.subscription }),
    body: z
      .strictObject({
        types: eventFields.types,
        keys: eventFields.keys,
        after_sequence: eventFields.sequence.default("0").describe("Only events after this number of the log."),
        until_sequence: eventFields.sequence.optional().describe("Only events up to it; the end of the log now."),
        from: eventFields.time.optional().describe("Only events stamped then or later."),
        before: eventFields.time.optional().describe("Only events stamped before."),
        speed: eventFields.speed.default("max").describe("'max', or how many times faster than they once came."),
      })
      .prefault({}),
    response: operationBody,
    successStatus: 202,
    failures: [
      eventServiceFailures.subscription_not_found,
      eventServiceFailures.not_replayable,
      eventServiceFailures.type_not_heard,
      eventServiceFailures.too_many_operations,
    ],
    async handle(ops, request) {
      const { userId, keyId } = requireCaller(request);
      const { types, keys, after_sequence: after, until_sequence: until, from, before, speed } = request.body;
      const times = {
        ...(from !== undefined && { fromMs: Date.parse(from) }),
        ...(before !== undefined && { beforeMs: Date.parse(before) }),
      };
      const operation = await ops.replayEvents({
        ...request.params,
        scope: { types, keys, ...times, speed },
        afterSeq: BigInt(after),
        untilSeq: until === undefined ? undefined : BigInt(until),
        askedBy: userId || keyId,
      });
      return toOperationBody(operation);
    },
  }),
  json({
    method: "GET",
    path,
    permission,
    operation: "listOperations",
    summary: "Redrives, skips, replays and forgets, newest first. Kept for 90 days after their end.",
    query: z.strictObject({
      ...pageQueryFields,
      service: eventFields.service.optional(),
      subscription: eventFields.subscription.optional(),
      state: eventFields.operationState.optional(),
    }),
    response: pageOf(operationBody),
    handle: async (ops, { query }) => toPageBody(await ops.listOperations(query), toOperationBody),
  }),
  json({
    method: "GET",
    path: `${path}/{id}`,
    permission,
    operation: "getOperation",
    summary: "How far an operation has come.",
    params,
    response: operationBody,
    failures: [eventServiceFailures.operation_not_found],
    handle: async (ops, { params: { id } }) => toOperationBody(await ops.getOperation({ operationId: id })),
  }),
  json({
    ...steering,
    path: `${path}/{id}:pause`,
    operation: "pauseOperation",
    summary: "Holds a redrive or a replay after the step under way.",
    handle: async (ops, { params: { id } }) => toOperationBody(await ops.pauseOperation({ operationId: id })),
  }),
  json({
    ...steering,
    path: `${path}/{id}:resume`,
    operation: "resumeOperation",
    summary: "Lets a paused or failed operation go on where it was.",
    handle: async (ops, { params: { id } }) => toOperationBody(await ops.resumeOperation({ operationId: id })),
  }),
  json({
    ...steering,
    path: `${path}/{id}:cancel`,
    operation: "cancelOperation",
    summary: "Ends an operation after the step under way. What it has done stays done.",
    handle: async (ops, { params: { id } }) => toOperationBody(await ops.cancelOperation({ operationId: id })),
  }),
];

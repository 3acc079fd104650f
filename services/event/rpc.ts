import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { EventOrder, EventService, OperationState } from "@lyss/contracts/gen/lyss/event/v1/event_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, orEmpty, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import {
  operationStates,
  toEventMessage,
  toOperationMessage,
  toReceiverMessage,
  toSubscriptionMessage,
} from "./messages.ts";
import { eventFields } from "./model.ts";
import type { EventOps } from "./ops.ts";

/** A list that is empty on the wire was not given. */
const listOf = (item: z.ZodString, max: number) =>
  z
    .array(item)
    .max(max)
    .transform((items) => (items.length > 0 ? items : undefined));

const types = listOf(z.string().min(1).max(200), 100);
const sequence = z.bigint().min(0n).max(999_999_999_999_999_999n);
const logPage = { order: z.enum(EventOrder), afterSequence: sequence, ...pageInputs };
const target = { service: eventFields.service, subscription: eventFields.subscription };
const asked = { ...target, askedBy: z.string().min(1).max(100) };
const time = timestampInput.transform((date) => date?.getTime());
const scope = z.preprocess(
  (given) => given ?? { eventIds: [], types: [], keys: [], speed: 0 },
  z.object({
    eventIds: listOf(eventFields.eventId, 200),
    types,
    keys: listOf(eventFields.key, 200),
    from: time,
    before: time,
    speed: z.union([z.literal(0).transform(() => "max" as const), z.number().min(0.01).max(10_000)]),
  }),
);
const reference = { operationId: eventFields.operationId };
const inputs = {
  listEvents: {
    types,
    source: orEmpty(eventFields.source),
    key: orEmpty(eventFields.key),
    stream: orEmpty(eventFields.stream),
    traceId: orEmpty(eventFields.traceId),
    from: time,
    before: time,
    ...logPage,
  },
  getEvent: { eventId: eventFields.eventId },
  listEventTypes: {},
  listTenantEvents: { tenantId: idInput, types, ...logPage },
  listSubscriptions: { service: orEmpty(eventFields.service) },
  getSubscription: target,
  forgetSubscription: asked,
  listParkedEvents: { ...target, scope, ...pageInputs },
  redriveParkedEvents: { ...asked, scope },
  skipParkedEvents: { ...asked, scope },
  replayEvents: { ...asked, scope, afterSequence: sequence, untilSequence: sequence },
  listOperations: {
    service: orEmpty(eventFields.service),
    subscription: orEmpty(eventFields.subscription),
    state: z.enum(OperationState),
    ...pageInputs,
  },
  getOperation: reference,
  pauseOperation: reference,
  resumeOperation: reference,
  cancelOperation: reference,
} satisfies MethodInputs<typeof EventService>;

/** EventService on the operations. */
export function createEventRpc(ops: EventOps): CheckedRpc<typeof EventService> {
  return createRpc(EventService, inputs, {
    async listEvents({ types, source, key, stream, traceId, from, before, ...page }) {
      const filter = { types, source, key, stream, traceId, fromMs: from, beforeMs: before };
      const { rows, nextCursor } = await ops.listEvents({ ...filter, ...toLogPage(page) });
      return { events: rows.map(toEventMessage), nextCursor: nextCursor ?? "" };
    },
    async getEvent(request) {
      const { event, receivers } = await ops.getEvent(request);
      return { event: toEventMessage(event), receivers: receivers.map(toReceiverMessage) };
    },
    async listEventTypes() {
      const found = await ops.listEventTypes();
      return {
        types: found.map(({ type, firstSeq, firstTime, lastSeq, lastTime, isTenantVisible }) => ({
          ...{ type, firstSequence: firstSeq, lastSequence: lastSeq, isTenantVisible },
          ...{ firstAt: timestampFromDate(firstTime), lastAt: timestampFromDate(lastTime) },
        })),
      };
    },
    async listTenantEvents({ tenantId, types, ...page }) {
      const { rows, nextCursor } = await ops.listTenantEvents({ tenantId, types, ...toLogPage(page) });
      return { events: rows.map(toEventMessage), nextCursor: nextCursor ?? "" };
    },
    async listSubscriptions(request) {
      return { subscriptions: (await ops.listSubscriptions(request)).map(toSubscriptionMessage) };
    },
    getSubscription: async (request) => ({ subscription: toSubscriptionMessage(await ops.getSubscription(request)) }),
    forgetSubscription: async (request) => ({ operation: toOperationMessage(await ops.forgetSubscription(request)) }),
    async listParkedEvents({ limit, cursor, ...request }) {
      const { rows, nextCursor } = await ops.listParkedEvents({ ...request, ...fromPageRequest({ limit, cursor }) });
      const parkedEvents = rows.map((row) => ({
        event: toEventMessage(row),
        attempts: row.attempts,
        lastError: row.lastError,
        parkedAt: timestampFromDate(row.parkedAt),
      }));
      return { parkedEvents, nextCursor: nextCursor ?? "" };
    },
    redriveParkedEvents: async (request) => ({ operation: toOperationMessage(await ops.redriveParkedEvents(request)) }),
    skipParkedEvents: async (request) => ({ operation: toOperationMessage(await ops.skipParkedEvents(request)) }),
    async replayEvents({ scope: wanted, afterSequence, untilSequence, ...request }) {
      const { types, keys, speed, from, before } = wanted;
      const operation = await ops.replayEvents({
        ...request,
        scope: { types, keys, fromMs: from, beforeMs: before, speed },
        afterSeq: afterSequence,
        untilSeq: untilSequence === 0n ? undefined : untilSequence,
      });
      return { operation: toOperationMessage(operation) };
    },
    async listOperations({ service, subscription, state: wanted, ...page }) {
      const state = eventFields.operationState.options.find((name) => operationStates[name] === wanted);
      const found = await ops.listOperations({ service, subscription, state, ...fromPageRequest(page) });
      return { operations: found.rows.map(toOperationMessage), nextCursor: found.nextCursor ?? "" };
    },
    getOperation: async (request) => ({ operation: toOperationMessage(await ops.getOperation(request)) }),
    pauseOperation: async (request) => ({ operation: toOperationMessage(await ops.pauseOperation(request)) }),
    resumeOperation: async (request) => ({ operation: toOperationMessage(await ops.resumeOperation(request)) }),
    cancelOperation: async (request) => ({ operation: toOperationMessage(await ops.cancelOperation(request)) }),
  });
}

function toLogPage(request: { order: EventOrder; afterSequence: bigint; limit: number; cursor: string }) {
  const order = request.order === EventOrder.OLDEST ? ("oldest" as const) : ("newest" as const);
  return { order, afterSeq: request.afterSequence, ...fromPageRequest(request) };
}

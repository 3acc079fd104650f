import { type Timestamp, timestampFromDate, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { EventOrder, type EventService, type OperationScope } from "@lyss/contracts/gen/lyss/event/v1/event_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
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

const logFilter = z.object({
  types: eventFields.types,
  source: eventFields.source.optional(),
  key: eventFields.key.optional(),
  stream: eventFields.stream.optional(),
  traceId: eventFields.traceId.optional(),
});
const subscriptionInput = z.object({ service: eventFields.service, subscription: eventFields.subscription });
const askedInput = subscriptionInput.extend({ askedBy: z.string().min(1).max(100) });
const scopeFields = { eventIds: eventFields.eventIds, types: eventFields.types, keys: eventFields.keys };
const scopeInput = z.object({ ...scopeFields, speed: eventFields.speed });
const operationsFilter = z.object({
  service: eventFields.service.optional(),
  subscription: eventFields.subscription.optional(),
});

/** EventService on the operations. */
export function createEventRpc(ops: EventOps): ServiceImpl<typeof EventService> {
  return {
    async listEvents(request) {
      const { types, source, key, stream, traceId } = request;
      const filter = parseInput(logFilter, unsetAbsent({ types, source, key, stream, traceId }));
      const times = { fromMs: toMs(request.from), beforeMs: toMs(request.before) };
      const page = await ops.listEvents({ ...filter, ...times, ...toLogPage(request) });
      return { events: page.rows.map(toEventMessage), nextCursor: page.nextCursor ?? "" };
    },
    async getEvent({ eventId }) {
      const { event, receivers } = await ops.getEvent({ eventId });
      return { event: toEventMessage(event), receivers: receivers.map(toReceiverMessage) };
    },
    async listEventTypes() {
      const types = await ops.listEventTypes();
      return {
        types: types.map(({ type, firstSeq, firstTime, lastSeq, lastTime, isTenantVisible }) => ({
          ...{ type, firstSequence: firstSeq, lastSequence: lastSeq, isTenantVisible },
          ...{ firstAt: timestampFromDate(firstTime), lastAt: timestampFromDate(lastTime) },
        })),
      };
    },
    async listTenantEvents(request) {
      const tenantId = parseInput(z.string().min(1).max(64), request.tenantId, "tenantId");
      const { types } = parseInput(z.object({ types: eventFields.types }), unsetAbsent({ types: request.types }));
      const page = await ops.listTenantEvents({ tenantId, types, ...toLogPage(request) });
      return { events: page.rows.map(toEventMessage), nextCursor: page.nextCursor ?? "" };
    },
    async listSubscriptions({ service }) {
      const rows = await ops.listSubscriptions({ service: service || undefined });
      return { subscriptions: rows.map(toSubscriptionMessage) };
    },
    getSubscription: async (request) => ({
      subscription: toSubscriptionMessage(await ops.getSubscription(parseInput(subscriptionInput, request))),
    }),
    forgetSubscription: async (request) => ({
      operation: toOperationMessage(await ops.forgetSubscription(parseInput(askedInput, request))),
    }),
    async listParkedEvents(request) {
      const { service, subscription } = parseInput(subscriptionInput, request);
      const scope = toScope(request.scope);
      const page = await ops.listParkedEvents({ service, subscription, scope, ...fromPageRequest(request) });
      return {
        parkedEvents: page.rows.map((row) => ({
          event: toEventMessage(row),
          attempts: row.attempts,
          lastError: row.lastError,
          parkedAt: timestampFromDate(row.parkedAt),
        })),
        nextCursor: page.nextCursor ?? "",
      };
    },
    redriveParkedEvents: async (request) => ({
      operation: toOperationMessage(await ops.redriveParkedEvents(toParkedInput(request))),
    }),
    skipParkedEvents: async (request) => ({
      operation: toOperationMessage(await ops.skipParkedEvents(toParkedInput(request))),
    }),
    async replayEvents(request) {
      const asked = parseInput(askedInput, request);
      const { types, keys, speed } = toScope(request.scope);
      const fromMs = toMs(request.scope?.from);
      const beforeMs = toMs(request.scope?.before);
      const operation = await ops.replayEvents({
        ...asked,
        scope: { types, keys, fromMs, beforeMs, speed },
        afterSeq: request.afterSequence,
        untilSeq: request.untilSequence === 0n ? undefined : request.untilSequence,
      });
      return { operation: toOperationMessage(operation) };
    },
    async listOperations(request) {
      const { service, subscription } = request;
      const filter = parseInput(operationsFilter, unsetAbsent({ service, subscription }));
      const [state] = Object.entries(operationStates).find(([, value]) => value === request.state) ?? [];
      const page = await ops.listOperations({
        ...filter,
        state: eventFields.operationState.optional().parse(state),
        ...fromPageRequest(request),
      });
      return { operations: page.rows.map(toOperationMessage), nextCursor: page.nextCursor ?? "" };
    },
    getOperation: async (request) => ({ operation: toOperationMessage(await ops.getOperation(request)) }),
    pauseOperation: async (request) => ({ operation: toOperationMessage(await ops.pauseOperation(request)) }),
    resumeOperation: async (request) => ({ operation: toOperationMessage(await ops.resumeOperation(request)) }),
    cancelOperation: async (request) => ({ operation: toOperationMessage(await ops.cancelOperation(request)) }),
  };
}

/** What is empty on the wire was not given. */
function unsetAbsent<Fields extends Record<string, unknown>>(fields: Fields): Partial<Fields> {
  const given = Object.entries(fields).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== ""));
  return Object.fromEntries(given) as Partial<Fields>;
}

function toLogPage(request: { order: EventOrder; afterSequence: bigint; limit: number; cursor: string }) {
  const order = request.order === EventOrder.OLDEST ? ("oldest" as const) : ("newest" as const);
  return { order, afterSeq: request.afterSequence, ...fromPageRequest(request) };
}

function toMs(time: Timestamp | undefined): number | undefined {
  return time && timestampMs(time);
}

function toScope(scope: OperationScope | undefined) {
  const { eventIds = [], types = [], keys = [], speed = 0 } = scope ?? {};
  return parseInput(scopeInput, { ...unsetAbsent({ eventIds, types, keys }), speed: speed === 0 ? "max" : speed });
}

function toParkedInput(request: {
  service: string;
  subscription: string;
  askedBy: string;
  scope?: OperationScope | undefined;
}) {
  const { eventIds, types, keys } = toScope(request.scope);
  return { ...parseInput(askedInput, request), scope: { eventIds, types, keys } };
}

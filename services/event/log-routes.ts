import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { eventBody, toEventBody } from "./bodies.ts";
import { eventFields } from "./model.ts";
import type { EventOps } from "./ops.ts";

const { json } = routesFor<EventOps>();

const orderFields = {
  order: eventFields.order.default("newest").describe("Which come first."),
  after: eventFields.sequence.optional().describe("Oldest first: only events after this number of the log."),
};

const receiver = z.strictObject({
  service: z.string(),
  subscription: z.string(),
  state: z
    .enum(["waiting", "handled", "parked"])
    .describe("'handled' also stands for what was said before the subscription heard this type."),
  parked_at: z.iso.datetime().nullable(),
  attempts: z.int(),
  last_error: z.string(),
});

/** The log as it may be read: by operators whole, by a tenant as far as it is its own. */
export const logRoutes = [
  json({
    method: "GET",
    path: "/api/v1/events",
    permission: "event:read",
    operation: "listTenantEvents",
    summary: "What happened in the tenant: its own events, of the types that tenants may see.",
    query: z.strictObject({ ...pageQueryFields, type: eventFields.types, ...orderFields }),
    response: pageOf(eventBody),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { type: types, after, ...page } = request.query;
      return toPageBody(
        await ops.listTenantEvents({ tenantId, types, afterSeq: toSequence(after), ...page }),
        toEventBody,
      );
    },
  }),
  json({
    method: "GET",
    path: "/admin/events",
    permission: "platform:events",
    operation: "listEvents",
    summary: "Events of the whole installation.",
    query: z.strictObject({
      ...pageQueryFields,
      type: eventFields.types,
      source: eventFields.source.optional(),
      key: eventFields.key.optional(),
      stream: eventFields.stream.optional(),
      trace_id: eventFields.traceId.optional(),
      from: eventFields.time.optional(),
      before: eventFields.time.optional(),
      ...orderFields,
    }),
    response: pageOf(eventBody),
    async handle(ops, { query }) {
      const { type: types, trace_id: traceId, from, before, after, ...rest } = query;
      const times = { fromMs: toMs(from), beforeMs: toMs(before) };
      return toPageBody(
        await ops.listEvents({ ...rest, types, traceId, ...times, afterSeq: toSequence(after) }),
        toEventBody,
      );
    },
  }),
  json({
    method: "GET",
    path: "/admin/events/types",
    permission: "platform:events",
    operation: "listEventTypes",
    summary: "The types that the log holds.",
    response: z.strictObject({
      object: z.literal("list"),
      data: z.array(
        z.strictObject({
          type: z.string(),
          first_sequence: z.string(),
          first_at: z.iso.datetime(),
          last_sequence: z.string(),
          last_at: z.iso.datetime(),
          tenant_visible: z.boolean().describe("Whether tenants may see their own."),
        }),
      ),
    }),
    async handle(ops) {
      const types = await ops.listEventTypes();
      const data = types.map((row) => ({
        type: row.type,
        first_sequence: String(row.firstSeq),
        first_at: row.firstTime.toISOString(),
        last_sequence: String(row.lastSeq),
        last_at: row.lastTime.toISOString(),
        tenant_visible: row.isTenantVisible,
      }));
      return { object: "list" as const, data };
    },
  }),
  json({
    method: "GET",
    path: "/admin/events/{id}",
    permission: "platform:events",
    operation: "getEvent",
    summary: "An event, and who has handled it or given it up.",
    params: z.strictObject({ id: eventFields.eventId }),
    response: z.strictObject({ event: eventBody, receivers: z.array(receiver) }),
    failures: [eventServiceFailures.not_found],
    async handle(ops, { params: { id: eventId } }) {
      const { event, receivers } = await ops.getEvent({ eventId });
      return {
        event: toEventBody(event),
        receivers: receivers.map(({ service, subscription, state, parkedAt, attempts, lastError }) => ({
          ...{ service, subscription, state, attempts: attempts ?? 0, last_error: lastError ?? "" },
          parked_at: parkedAt?.toISOString() ?? null,
        })),
      };
    },
  }),
];

function toMs(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function toSequence(digits: string | undefined): bigint | undefined {
  return digits === undefined ? undefined : BigInt(digits);
}

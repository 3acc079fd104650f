import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type RoutePermission, routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { eventFields } from "./model.ts";
import type { EventOps } from "./ops.ts";
import {
  type Attempt,
  attemptReasons,
  type Delivery,
  deliveryStates,
  disabledReasons,
  specSchemaOf,
  type Webhook,
  webhookNameSchema,
  webhookStates,
} from "./webhooks/webhook.ts";

const { json } = routesFor<EventOps>();

const params = z.strictObject({ name: webhookNameSchema });
const time = z.iso.datetime();
const webhookFields = {
  object: z.literal("webhook"),
  name: z.string(),
  url: z.string(),
  types: z.array(z.string()),
  state: z
    .enum(webhookStates)
    .describe("`paused` and `disabled`: what waits goes on waiting, and what happens by then is not sent."),
  reason: z
    .enum(disabledReasons)
    .nullable()
    .describe("Why it is disabled: the other side said that it is gone (410), or has taken nothing for five days."),
  failing_since: time.nullable().describe("Since when no message was taken."),
  last_delivered_at: time.nullable(),
  previous_secret_until: time.nullable().describe("Until when messages are signed with the secret before, too."),
  version: z.int().describe("1, and one more for each change; the ETag."),
  created_at: time,
  updated_at: time,
};
const webhookBody = z.strictObject(webhookFields);
const putBody = z.strictObject({
  ...webhookFields,
  secret: z.string().nullable().describe("With which messages are signed. Shown when it is made, and never again."),
});
const attemptFields = {
  status: z.int().nullable().describe("Of the answer, where there was one."),
  reason: z.enum(attemptReasons).nullable().describe("Why it was not taken; null where it was."),
  duration_ms: z.int(),
};
const deliveryBody = z.strictObject({
  object: z.literal("webhook_delivery"),
  event_id: z.string().describe("The event's, and the message's `webhook-id`."),
  type: z.string(),
  state: z.enum(deliveryStates),
  next_try_at: time.nullable(),
  created_at: time.describe("When the event happened."),
  ended_at: time.nullable(),
  attempts: z.array(z.strictObject({ at: time, ...attemptFields })).describe("The oldest first, of the last hundred."),
});

interface WebhookPlace {
  readonly path: string;
  /** Added to the operations' names, which are unique. */
  readonly suffix: string;
  readonly whose: "tenant" | "platform";
  readonly permission: (verb: "read" | "update" | "delete") => RoutePermission;
  readonly tenantOf: (caller: Caller) => string;
}

const places: readonly WebhookPlace[] = [
  {
    ...{ path: "/api/v1/webhooks", suffix: "", whose: "tenant" },
    permission: (verb) => `webhook:${verb}`,
    tenantOf: ({ tenantId }) => tenantId,
  },
  {
    ...{ path: "/admin/webhooks", suffix: "OfPlatform", whose: "platform" },
    permission: () => "platform:events",
    tenantOf: () => "",
  },
];

const notFound = [eventServiceFailures.webhook_not_found];

function readingRoutes({ path, suffix, whose, permission, tenantOf }: WebhookPlace) {
  return [
    json({
      method: "GET",
      path,
      permission: permission("read"),
      operation: `listWebhooks${suffix}`,
      summary: `Where events of the ${whose} are sent, by name.`,
      query: z.strictObject(pageQueryFields),
      response: pageOf(webhookBody),
      handle: async (ops, request) =>
        toPageBody(await ops.listWebhooks({ tenantId: tenantOf(requireCaller(request)), ...request.query }), toBody),
    }),
    json({
      method: "GET",
      path: `${path}/{name}`,
      permission: permission("read"),
      operation: `getWebhook${suffix}`,
      summary: `One webhook of the ${whose}.`,
      params,
      response: webhookBody,
      versionOf: ({ version }) => version,
      failures: notFound,
      handle: async (ops, request) =>
        toBody(await ops.getWebhook({ tenantId: tenantOf(requireCaller(request)), name: request.params.name })),
    }),
    json({
      method: "GET",
      path: `${path}/{name}/deliveries`,
      permission: permission("read"),
      operation: `listWebhookDeliveries${suffix}`,
      summary: "What a webhook was sent in the last 30 days, and what became of each try; the newest first.",
      params,
      query: z.strictObject({ ...pageQueryFields, state: z.enum(deliveryStates).optional() }),
      response: pageOf(deliveryBody),
      failures: notFound,
      async handle(ops, request) {
        const named = { tenantId: tenantOf(requireCaller(request)), name: request.params.name };
        return toPageBody(await ops.listWebhookDeliveries({ ...named, ...request.query }), toDeliveryBody);
      },
    }),
  ];
}

function changingRoutes({ path, suffix, whose, permission, tenantOf }: WebhookPlace) {
  return [
    json({
      method: "PUT",
      path: `${path}/{name}`,
      permission: permission("update"),
      operation: `putWebhook${suffix}`,
      summary: `Sends events of the ${whose}, from now on, as signed messages (Standard Webhooks); or changes a webhook, whose secret stays.`,
      params,
      body: specSchemaOf(whose).meta({ examples: [{ url: "https://hooks.example.com/lyss" }] }),
      response: putBody,
      versionOf: ({ version }) => version,
      failures: [eventServiceFailures.webhook_version_mismatch, eventServiceFailures.too_many_webhooks],
      async handle(ops, { params: { name }, body: spec, expectedVersion, ...request }) {
        const tenantId = tenantOf(requireCaller(request));
        return toPutBody(await ops.putWebhook({ tenantId, name, spec, expectedVersion }));
      },
    }),
    json({
      method: "DELETE",
      path: `${path}/{name}`,
      permission: permission("delete"),
      operation: `removeWebhook${suffix}`,
      summary: `Removes a webhook of the ${whose}: what was not sent by then is not.`,
      params,
      response: z.strictObject({ object: z.literal("webhook"), name: z.string(), deleted: z.literal(true) }),
      failures: notFound,
      async handle(ops, request) {
        const { name } = request.params;
        await ops.removeWebhook({ tenantId: tenantOf(requireCaller(request)), name });
        return { object: "webhook" as const, name, deleted: true as const };
      },
    }),
    ...(["pause", "resume"] as const).map((verb) =>
      json({
        method: "POST",
        path: `${path}/{name}:${verb}`,
        permission: permission("update"),
        operation: `${verb}Webhook${suffix}`,
        summary:
          verb === "pause"
            ? "Sends nothing until it is resumed; what happens meanwhile is not sent to it."
            : "Sends what waits, also after it was disabled.",
        params,
        response: webhookBody,
        failures: notFound,
        async handle(ops, request) {
          const named = { tenantId: tenantOf(requireCaller(request)), name: request.params.name };
          return toBody(await (verb === "pause" ? ops.pauseWebhook(named) : ops.resumeWebhook(named)));
        },
      }),
    ),
    ...sendingRoutes({ path, suffix, whose, permission, tenantOf }),
  ];
}

function sendingRoutes({ path, suffix, permission, tenantOf }: WebhookPlace) {
  return [
    json({
      method: "POST",
      path: `${path}/{name}:rotate-secret`,
      permission: permission("update"),
      operation: `rotateWebhookSecret${suffix}`,
      summary: "Gives a webhook another secret. For a day messages are signed with the one before, too.",
      params,
      response: putBody,
      failures: notFound,
      handle: async (ops, request) =>
        toPutBody(
          await ops.rotateWebhookSecret({ tenantId: tenantOf(requireCaller(request)), name: request.params.name }),
        ),
    }),
    json({
      method: "POST",
      path: `${path}/{name}:test`,
      permission: permission("update"),
      operation: `testWebhook${suffix}`,
      summary: "Sends a message of type `webhook.test`, once, and says whether it was taken.",
      params,
      response: z.strictObject({ object: z.literal("webhook_test"), ok: z.boolean(), ...attemptFields }),
      failures: notFound,
      async handle(ops, request) {
        const named = { tenantId: tenantOf(requireCaller(request)), name: request.params.name };
        const attempt = await ops.testWebhook(named);
        return { object: "webhook_test" as const, ok: attempt.reason === null, ...toAttemptFields(attempt) };
      },
    }),
    json({
      method: "POST",
      path: `${path}/{name}/deliveries/{event_id}:send`,
      permission: permission("update"),
      operation: `sendWebhookDelivery${suffix}`,
      summary: "Sends an event once more, whatever has become of it.",
      params: params.extend({ event_id: eventFields.eventId }),
      response: z.strictObject({ object: z.literal("webhook_delivery"), event_id: z.string() }),
      failures: [eventServiceFailures.delivery_not_found],
      async handle(ops, request) {
        const { name, event_id: eventId } = request.params;
        await ops.sendWebhookDelivery({ tenantId: tenantOf(requireCaller(request)), name, eventId });
        return { object: "webhook_delivery" as const, event_id: eventId };
      },
    }),
  ];
}

/** Where events are sent. */
export const webhookRoutes = places.flatMap((place) => [...readingRoutes(place), ...changingRoutes(place)]);

function toBody(it: Webhook): z.input<typeof webhookBody> {
  return {
    ...{ object: "webhook", name: it.name, url: it.spec.url, types: [...it.spec.types], state: it.state },
    ...{ reason: it.reason, failing_since: it.failingSince?.toISOString() ?? null, version: it.version },
    last_delivered_at: it.lastDeliveredAt?.toISOString() ?? null,
    previous_secret_until: it.previousUntil?.toISOString() ?? null,
    ...{ created_at: it.createdAt.toISOString(), updated_at: it.updatedAt.toISOString() },
  };
}

function toPutBody({ webhook, secret }: { readonly webhook: Webhook; readonly secret: string | undefined }) {
  return { ...toBody(webhook), secret: secret ?? null };
}

function toDeliveryBody(it: Delivery): z.input<typeof deliveryBody> {
  return {
    ...{ object: "webhook_delivery", event_id: it.eventId, type: it.type, state: it.state },
    next_try_at: it.state === "waiting" ? it.nextTryAt.toISOString() : null,
    ...{ created_at: it.createdAt.toISOString(), ended_at: it.endedAt?.toISOString() ?? null },
    attempts: it.attempts.map((attempt) => ({ at: attempt.at.toISOString(), ...toAttemptFields(attempt) })),
  };
}

function toAttemptFields({ status, reason, durationMs }: Attempt) {
  return { status, reason, duration_ms: durationMs };
}

import { alertEvents, platformWebhookEvents, webhookEvents } from "@lyss/contracts/events/tenant-events.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export const webhookNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    inBothLanguages("must be 1 to 63 of a-z, 0-9, '.', '_' and '-'", "必须由 1 到 63 个 a-z、0-9、“.”、“_”或“-”组成"),
  );

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type).toSorted();

/** What a webhook may be sent: a tenant's, and the platform's (whose tenant is empty). */
export const webhookTypes = { tenant: typesOf(webhookEvents), platform: typesOf(platformWebhookEvents) } as const;
const alertTypes = { tenant: typesOf(alertEvents), platform: webhookTypes.platform } as const;

/** Where events go, and which; as callers write it. */
export function specSchemaOf(whose: keyof typeof webhookTypes) {
  return z.strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(500)
      .describe("Of a tenant's: https and public. It is sent a POST for each event."),
    types: z
      .array(z.enum(webhookTypes[whose]))
      .min(1)
      .max(100)
      .default(() => [...alertTypes[whose]])
      .describe(`Which events; what somebody should look at unless given: ${alertTypes[whose].join(", ")}.`),
  });
}
export interface WebhookSpec {
  readonly url: string;
  readonly types: readonly string[];
}

export interface WebhookName {
  /** Empty for the platform's. */
  readonly tenantId: string;
  readonly name: string;
}

export const webhookStates = ["active", "paused", "disabled"] as const;
/** Why a webhook is disabled. */
export const disabledReasons = ["gone", "failing"] as const;

export interface Webhook extends WebhookName {
  readonly spec: WebhookSpec;
  readonly version: number;
  readonly state: (typeof webhookStates)[number];
  readonly reason: (typeof disabledReasons)[number] | null;
  readonly failingSince: Date | null;
  readonly lastDeliveredAt: Date | null;
  /** Until when messages are signed with the secret before, too. */
  readonly previousUntil: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export const deliveryStates = ["waiting", "delivered", "given_up"] as const;

/** Why a try was not taken. No text of the other side is kept. */
export const attemptReasons = [
  ...(["refused", "unreachable", "timeout", "too_large", "answered_with_error", "redirected", "gone"] as const),
  "secret_unreadable",
] as const;

export interface Attempt {
  readonly at: Date;
  readonly durationMs: number;
  readonly status: number | null;
  readonly reason: (typeof attemptReasons)[number] | null;
}

export interface Delivery {
  readonly eventId: string;
  readonly type: string;
  readonly state: (typeof deliveryStates)[number];
  readonly nextTryAt: Date;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  /** The oldest first, of the last hundred. */
  readonly attempts: readonly Attempt[];
}

/** An event that happened, as its webhooks are to hear of it. */
export interface Happened {
  readonly tenantId: string;
  readonly eventId: string;
  readonly type: string;
  readonly timeMs: number;
  readonly data: unknown;
}

/** A message as Standard Webhooks has it; its id is the event's. */
export function toMessage({ type, timeMs, data }: Pick<Happened, "type" | "timeMs" | "data">): string {
  return JSON.stringify({ type, timestamp: new Date(timeMs).toISOString(), data });
}

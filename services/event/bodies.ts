import { type CloudEvent, toCloudEvent } from "@lyss/kit/events/cloud-event.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import type { Operation, OperationScope } from "@lyss/kit/events/operation.ts";
import { z } from "zod";
import type { Subscription } from "./model.ts";

const time = z.iso.datetime();
const sequence = z.string().describe("A number of the log, in decimal digits.");

/** CloudEvents 1.0, in JSON. */
export const eventBody = z.strictObject({
  specversion: z.literal("1.0"),
  id: z.string(),
  source: z.string().describe("The service that said it."),
  type: z.string(),
  time,
  datacontenttype: z.literal("application/json"),
  data: z.json(),
  partitionkey: z.string().describe("Events with one key reach each subscription in order."),
  sequence,
  traceparent: z.string().optional().describe("W3C trace context of the call that caused it."),
  operator: z.string().optional().describe("The operator who acted in a person's name."),
  stream: z.string().optional(),
  revision: z.string().optional().describe("Its number in the stream, from 1 on."),
});

export const subscriptionBody = z.strictObject({
  object: z.literal("subscription"),
  service: z.string(),
  name: z.string(),
  types: z.array(z.string()),
  replayable: z.boolean().describe("Whether events may come again on purpose."),
  position: sequence,
  behind: z.int().describe("Events that wait for it; counted up to 100,000."),
  oldest_age_ms: z.int(),
  parked: z.int().describe("Events that it gave up and that wait for a person."),
  attempts: z.int().describe("Failed attempts at the next event."),
  last_error: z.string(),
  last_seen_at: time.describe("When a node that has it was last heard of; up to a minute old."),
  live: z.boolean().describe("Whether a node has it."),
});

export const operationBody = z.strictObject({
  object: z.literal("operation"),
  id: z.string(),
  kind: z.enum(["redrive", "replay", "skip", "forget"]),
  service: z.string(),
  subscription: z.string(),
  state: z
    .enum(["pending", "running", "paused", "done", "failed", "canceled"])
    .describe("'failed' is given up and can be resumed."),
  scope: z.strictObject({
    event_ids: z.array(z.string()).optional(),
    types: z.array(z.string()).optional(),
    keys: z.array(z.string()).optional(),
    from: time.optional(),
    before: time.optional(),
    speed: z.union([z.literal("max"), z.number()]).optional(),
  }),
  asked_by: z.string(),
  asked_at: time,
  position: sequence.describe("Number of the last event that was dealt with."),
  until_sequence: sequence,
  total: z.int().describe("Events that it was about when it was asked; counted up to 1,000,000."),
  handled: z.int(),
  failed: z.int(),
  held_back: z.int().describe("Left alone, because an earlier one of the same key failed."),
  attempts: z.int().describe("Failed attempts at the next event."),
  last_error: z.string(),
  started_at: time.nullable(),
  ended_at: time.nullable(),
});

export function toEventBody(row: LoggedEvent): z.input<typeof eventBody> {
  const event: CloudEvent = toCloudEvent(row);
  return { ...event };
}

export function toSubscriptionBody(row: Subscription): z.input<typeof subscriptionBody> {
  return {
    object: "subscription",
    service: row.service,
    name: row.name,
    types: [...row.types],
    replayable: row.isReplayable,
    position: String(row.position),
    behind: row.behind,
    oldest_age_ms: Math.round(row.oldestAgeMs),
    parked: row.parked,
    attempts: row.attempts,
    last_error: row.lastError,
    last_seen_at: row.seenAt.toISOString(),
    live: row.isLive,
  };
}

export function toOperationBody(row: Operation): z.input<typeof operationBody> {
  return {
    object: "operation",
    ...{ id: row.id, kind: row.kind, service: row.service, subscription: row.subscription, state: row.state },
    scope: toScopeBody(row.scope),
    asked_by: row.askedBy,
    asked_at: row.askedAt.toISOString(),
    position: String(row.lastSeq),
    until_sequence: String(row.untilSeq),
    total: Number(row.total),
    handled: Number(row.handled),
    failed: Number(row.failed),
    held_back: Number(row.heldBack),
    attempts: row.attempts,
    last_error: row.lastError,
    started_at: row.startedAt?.toISOString() ?? null,
    ended_at: row.endedAt?.toISOString() ?? null,
  };
}

function toScopeBody({ eventIds, types, keys, fromMs, beforeMs, speed }: OperationScope) {
  return {
    ...(eventIds && { event_ids: [...eventIds] }),
    ...(types && { types: [...types] }),
    ...(keys && { keys: [...keys] }),
    ...(fromMs !== undefined && { from: new Date(fromMs).toISOString() }),
    ...(beforeMs !== undefined && { before: new Date(beforeMs).toISOString() }),
    ...(speed !== undefined && { speed }),
  };
}

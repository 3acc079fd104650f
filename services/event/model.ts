import type { LogFilter, SubscriptionView } from "@lyss/kit/events/event-desk.ts";
import type { PageRequest } from "@lyss/kit/http/page.ts";
import { z } from "zod";

/** A subscription is alive when a node that has it was heard of within this time. */
export const unseenLimitMs = 120_000;
/** Operations of one subscription that may be open at a time. */
export const maxOpenOperations = 10;
/** Parked events that one skip takes. */
export const maxSkipped = 10_000;

/** Which subscription is meant. */
export interface SubscriptionReference {
  readonly service: string;
  readonly subscription: string;
}

/** A page of the log. */
export interface LogPageRequest extends PageRequest {
  readonly order: "newest" | "oldest";
  /** Oldest first: only events after this number. A cursor counts more. */
  readonly afterSeq?: bigint | undefined;
}

export interface ListEventsInput extends Omit<LogFilter, "tenantId">, LogPageRequest {}

/** A subscription with what its lag means now. */
export interface Subscription extends SubscriptionView {
  /** 0 when nothing waits. */
  readonly oldestAgeMs: number;
  /** True when a node has it. */
  readonly isLive: boolean;
}

export function toSubscription(view: SubscriptionView, nowMs: number): Subscription {
  return {
    ...view,
    oldestAgeMs: view.oldest ? Math.max(0, nowMs - view.oldest.getTime()) : 0,
    isLive: nowMs - view.seenAt.getTime() < unseenLimitMs,
  };
}

const listOf = (item: z.ZodString, max: number) => z.array(item).min(1).max(max).optional();

/** Bounds of what callers may enter. */
export const eventFields = {
  service: z
    .string()
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
    .max(50),
  subscription: z.string().min(1).max(200),
  eventId: z.string().min(1).max(200),
  operationId: z.string().min(1).max(64),
  types: listOf(z.string().min(1).max(200), 100),
  keys: listOf(z.string().min(1).max(500), 200),
  eventIds: listOf(z.string().min(1).max(200), 200),
  source: z.string().min(1).max(50),
  key: z.string().min(1).max(500),
  stream: z.string().min(1).max(500),
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  sequence: z.string().regex(/^\d{1,18}$/),
  speed: z.union([z.literal("max"), z.number().min(0.01).max(10_000)]),
  order: z.enum(["newest", "oldest"]),
  time: z.iso.datetime({ offset: true }),
  operationState: z.enum(["pending", "running", "paused", "done", "failed", "canceled"]),
};

import { webhookDisabled } from "@lyss/contracts/events/event.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import type { DeliveryStore, DueDelivery } from "./delivery-store.ts";
import { nextTryMs } from "./retry-schedule.ts";
import { type SentMessage, sendMessage } from "./send-message.ts";
import type { Attempt } from "./webhook.ts";
import type { SealedWebhook, WebhookStore } from "./webhook-store.ts";

export interface DeliveryDeps {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly webhookStore: WebhookStore;
  readonly deliveryStore: DeliveryStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** What this process is called among all. */
  readonly by: string;
  /** For webhooks of tenants, whose addresses have to be public, and for those of the platform. */
  readonly fetchOf: (tenantId: string) => GuardedFetch;
  /** By which messages are signed now; undefined where they cannot be opened. */
  readonly keysOf: (webhook: SealedWebhook) => readonly Buffer[] | undefined;
  readonly note: (isTaken: boolean) => void;
}

/** So long nobody else takes a webhook: one turn's messages take less. */
const leaseMs = 60_000;
const webhooksAtOnce = 8;
/** Of one turn: others have theirs then. */
const messagesAtOnce = 10;
/** After so long without one that was taken a webhook is asked no more. */
const failingLimitMs = 432_000_000;

/** Sends what is due, of those webhooks that no other process is at work on. Never rejects by what one of them does. */
export async function runDeliveries(deps: DeliveryDeps): Promise<void> {
  const { webhookStore, clock, by, log } = deps;
  const now = clock.nowMs();
  const given = { by, now: new Date(now), until: new Date(now + leaseMs), limit: webhooksAtOnce };
  const due = await webhookStore.claimDue(given);
  await Promise.all(
    due.map((webhook) =>
      runOne(deps, webhook).catch((err: unknown) => log.error({ err, webhook: webhook.name }, "a webhook has stopped")),
    ),
  );
}

async function runOne(deps: DeliveryDeps, webhook: SealedWebhook): Promise<void> {
  const { webhookStore, deliveryStore, clock, by } = deps;
  const due = await deliveryStore.due(webhook, new Date(clock.nowMs()), messagesAtOnce);
  await Promise.all(due.map((delivery) => deliver(deps, webhook, delivery)));
  await webhookStore.release(webhook, by);
}

async function deliver(deps: DeliveryDeps, webhook: SealedWebhook, delivery: DueDelivery): Promise<void> {
  const { clock, fetchOf, keysOf, note } = deps;
  const keys = keysOf(webhook);
  const message = { id: delivery.eventId, url: webhook.spec.url, body: delivery.body };
  const sent = keys
    ? await sendMessage({ fetch: fetchOf(webhook.tenantId), clock }, { ...message, keys })
    : unreadable(new Date(clock.nowMs()));
  note(sent.attempt.reason === null);
  await noteSent(deps, webhook, delivery, sent);
}

function unreadable(at: Date): SentMessage {
  const attempt: Attempt = { at, durationMs: 0, status: null, reason: "secret_unreadable" };
  return { attempt, retryAfterMs: 0 };
}

async function noteSent(
  { db, outbox, webhookStore, deliveryStore, clock }: DeliveryDeps,
  webhook: SealedWebhook,
  { eventId, tries }: DueDelivery,
  { attempt, retryAfterMs }: SentMessage,
): Promise<void> {
  const nowMs = clock.nowMs();
  const now = new Date(nowMs);
  const isTaken = attempt.reason === null;
  const nextMs = isTaken ? undefined : nextTryMs(tries + 1, nowMs, retryAfterMs);
  const ended = { state: isTaken ? "delivered" : "given_up", nextTryAt: now, endedAt: now } as const;
  const next =
    nextMs === undefined ? ended : ({ state: "waiting", nextTryAt: new Date(nextMs), endedAt: null } as const);
  await db.transaction(async (tx) => {
    await deliveryStore.noteAttempt(tx, webhook, eventId, attempt);
    await deliveryStore.noteTried(tx, webhook, eventId, next);
    if (isTaken) {
      await webhookStore.noteDelivered(tx, webhook, now);
      return;
    }
    const since = await webhookStore.noteFailed(tx, webhook, now);
    const isFailing = since !== undefined && nowMs - since.getTime() >= failingLimitMs;
    if (!isFailing && attempt.reason !== "gone") return;
    const reason = attempt.reason === "gone" ? "gone" : "failing";
    if (await webhookStore.disable(tx, webhook, reason, now)) {
      const { tenantId, name } = webhook;
      await outbox.append(tx, webhookDisabled, { tenantId, name, reason });
    }
  });
}

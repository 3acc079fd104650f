import { webhookChanged } from "@lyss/contracts/events/event.ts";
import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { readWebhookSecret, toWebhookSecret } from "@lyss/kit/http/standard-webhook.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { Counter, type Registry } from "prom-client";
import { createDeliveryStore } from "./delivery-store.ts";
import { type DeliveryDeps, runDeliveries } from "./run-deliveries.ts";
import { sendMessage } from "./send-message.ts";
import {
  type Attempt,
  type Delivery,
  type Happened,
  toMessage,
  type Webhook,
  type WebhookName,
  type WebhookSpec,
} from "./webhook.ts";
import { createWebhookStore, type SealedWebhook } from "./webhook-store.ts";

export interface WebhooksDeps
  extends Omit<DeliveryDeps, "webhookStore" | "deliveryStore" | "fetchOf" | "keysOf" | "note"> {
  readonly random: Random;
  readonly metrics: Registry;
  /** 32 bytes: secrets are sealed with it. */
  readonly key: Buffer;
}

/** With the secret where one was made just now; it is shown this once. */
export interface PutWebhook {
  readonly webhook: Webhook;
  readonly secret: string | undefined;
}

const maxWebhooks = 20;
/** Of one webhook; what happens beyond is not sent to it. */
const maxWaiting = 10_000;
const sendLimitMs = 15_000;
const maxAnswerBytes = 65_536;
const secretBytes = 32;
/** How long the secret before goes on counting. */
const overlapMs = 86_400_000;
const keptMs = 2_592_000_000;
const removedAtOnce = 10_000;

/** Where events are sent, and what has become of each (docs/adr/0134). */
export function createWebhooks(deps: WebhooksDeps) {
  const { db, outbox, clock, random, key, metrics } = deps;
  const webhookStore = createWebhookStore(db);
  const deliveryStore = createDeliveryStore(db);
  const guard = createAddressGuard();
  const limits = { clock, timeoutMs: sendLimitMs, maxBytes: maxAnswerBytes };
  const guarded = createGuardedFetch({ ...limits, guard });
  const unguarded = createGuardedFetch({ ...limits, guard: undefined });
  const fetchOf = (tenantId: string) => (tenantId === "" ? unguarded : guarded);
  const nowDate = () => new Date(clock.nowMs());

  const bindingOf = ({ tenantId, name }: WebhookName) => JSON.stringify(["webhook", tenantId, name]);
  function makeSecret(named: WebhookName) {
    const secret = toWebhookSecret(random.bytes(secretBytes));
    return { secret, sealedSecret: seal(random, key, Buffer.from(secret), bindingOf(named)) };
  }

  function keysOf(webhook: SealedWebhook): readonly Buffer[] | undefined {
    const { sealedSecret, sealedPrevious, previousUntil } = webhook;
    const hasPrevious = sealedPrevious !== null && previousUntil !== null && previousUntil > nowDate();
    const keys = [sealedSecret, ...(hasPrevious ? [sealedPrevious] : [])].flatMap((sealed) => {
      const secret = unseal(key, sealed, bindingOf(webhook));
      return (secret && readWebhookSecret(secret.toString("utf8"))) ?? [];
    });
    return keys.length > 0 ? keys : undefined;
  }

  const notFound = (name: string) => new Failure(eventServiceFailures.webhook_not_found, { name });
  async function find(named: WebhookName): Promise<SealedWebhook> {
    const found = await webhookStore.find(named);
    if (!found) throw notFound(named.name);
    return found;
  }

  const say = (tx: Tx, { tenantId, name }: WebhookName, change: string) =>
    outbox.append(tx, webhookChanged, { tenantId, name, change, actorId: currentActorId() });

  async function setState(named: WebhookName, state: "active" | "paused"): Promise<Webhook> {
    await db.transaction(async (tx) => {
      const { count } = await webhookStore.setState(tx, named, state, nowDate());
      if (count === 0) throw notFound(named.name);
      await say(tx, named, state === "active" ? "resumed" : "paused");
    });
    return find(named);
  }

  const run: DeliveryDeps = { ...deps, webhookStore, deliveryStore, fetchOf, keysOf, note: countMessages(metrics) };
  const jobs: readonly Job[] = [
    { name: "send-webhooks", everyMs: 1_000, run: () => runDeliveries(run) },
    {
      name: "remove-webhook-deliveries",
      everyMs: 60_000,
      run: () => deliveryStore.removeEnded(new Date(clock.nowMs() - keptMs), removedAtOnce).then(() => undefined),
    },
  ];

  return {
    jobs,
    /** Writes down for whom an event is, with the transaction that hears it. */
    async queue(tx: Tx, happened: Happened): Promise<void> {
      await deliveryStore.queue(tx, happened, toMessage(happened), maxWaiting);
    },
    /** By name. Throws `kit.invalid_request` for a cursor that is none. */
    async list({ tenantId, limit, cursor }: PageRequest & { readonly tenantId: string }): Promise<Page<Webhook>> {
      const [after = ""] = decodeCursor(cursor, 1) ?? [];
      return toPage(await webhookStore.list(tenantId, after, limit + 1), limit, ({ name }) => [name]);
    },
    /** Throws `webhook_not_found`. */
    get: (named: WebhookName): Promise<Webhook> => find(named),
    /**
     * Makes a webhook, with a secret of its own, or puts this in its place; one that was disabled works again. Throws `kit.invalid_request`,
     * `webhook_version_mismatch` and `too_many_webhooks`.
     */
    async put(given: WebhookName & { spec: WebhookSpec; expectedVersion: number | undefined }): Promise<PutWebhook> {
      const { tenantId, name, spec, expectedVersion } = given;
      const refusal = tenantId === "" ? undefined : guard.refuse(new URL(spec.url));
      if (refusal) {
        const told = { field: "url", reason: refusal.en_US, reason_zh_CN: refusal.zh_CN };
        throw new Failure(kitFailures.invalid_request, told);
      }
      const made = makeSecret(given);
      const isNew = await db.transaction(async (tx) => {
        const known = await webhookStore.lockAll(tx, tenantId);
        const before = known.find((it) => it.name === name);
        const current = before?.version ?? 0;
        if (expectedVersion !== undefined && expectedVersion !== current) {
          throw new Failure(eventServiceFailures.webhook_version_mismatch, { current, expected: expectedVersion });
        }
        if (!before && known.length >= maxWebhooks) {
          throw new Failure(eventServiceFailures.too_many_webhooks, { limit: maxWebhooks });
        }
        const { sealedSecret } = made;
        await webhookStore.put(tx, { tenantId, name, spec, sealedSecret, version: current + 1, now: nowDate() });
        await say(tx, given, "put");
        return !before;
      });
      return { webhook: await find(given), secret: isNew ? made.secret : undefined };
    },
    /** What was not sent by now is not. Throws `webhook_not_found`. */
    async remove(named: WebhookName): Promise<void> {
      await db.transaction(async (tx) => {
        const { count } = await webhookStore.remove(tx, named);
        if (count === 0) throw notFound(named.name);
        await say(tx, named, "removed");
      });
    },
    /** What waits goes on waiting; what happens meanwhile is not sent to it. Throws `webhook_not_found`. */
    pause: (named: WebhookName) => setState(named, "paused"),
    /** What waits is sent. Throws `webhook_not_found`. */
    resume: (named: WebhookName) => setState(named, "active"),
    /** Another secret, which is shown this once. For a day messages are signed with the one before, too. Throws `webhook_not_found`. */
    async rotate(named: WebhookName): Promise<PutWebhook> {
      const { secret, sealedSecret } = makeSecret(named);
      await db.transaction(async (tx) => {
        const given = { sealedSecret, previousUntil: new Date(clock.nowMs() + overlapMs), now: nowDate() };
        const { count } = await webhookStore.rotate(tx, named, given);
        if (count === 0) throw notFound(named.name);
        await say(tx, named, "rotated");
      });
      return { webhook: await find(named), secret };
    },
    /** Sends a message of type `webhook.test`, once. Throws `webhook_not_found`. */
    async test(named: WebhookName): Promise<Attempt> {
      const webhook = await find(named);
      const { tenantId, name } = named;
      const body = toMessage({ type: "webhook.test", timeMs: clock.nowMs(), data: { tenantId, name } });
      const keys = keysOf(webhook);
      if (!keys) return { at: nowDate(), durationMs: 0, status: null, reason: "secret_unreadable" };
      const message = { id: random.id("evt"), url: webhook.spec.url, body, keys };
      return (await sendMessage({ fetch: fetchOf(tenantId), clock }, message)).attempt;
    },
    /** What it was sent in the last 30 days, the newest first. Throws `webhook_not_found`, and `kit.invalid_request` for a cursor that is none. */
    async listDeliveries(
      asked: WebhookName & PageRequest & { readonly state?: Delivery["state"] | undefined },
    ): Promise<Page<Delivery>> {
      const { limit, cursor, state } = asked;
      await find(asked);
      const [ms, eventId] = decodeCursor(cursor, 2) ?? [];
      const before =
        ms === undefined || eventId === undefined ? undefined : { createdAt: new Date(Number(ms)), eventId };
      const found = await deliveryStore.list(asked, { state, before, limit: limit + 1 });
      const ids = found.map((it) => it.eventId);
      const attempts = Map.groupBy(await deliveryStore.attemptsOf(asked, ids), (it) => it.eventId);
      const rows = found.map((it) => ({ ...it, attempts: attempts.get(it.eventId) ?? [] }));
      return toPage(rows, limit, (it) => [String(it.createdAt.getTime()), it.eventId]);
    },
    /** Sends an event once more, whatever has become of it. Throws `delivery_not_found`. */
    async sendAgain({ eventId, ...named }: WebhookName & { readonly eventId: string }): Promise<void> {
      const isKept = await db.transaction((tx) => deliveryStore.sendAgain(tx, named, eventId, nowDate()));
      if (!isKept) throw new Failure(eventServiceFailures.delivery_not_found, { eventId, name: named.name });
    },
  };
}

function countMessages(metrics: Registry): DeliveryDeps["note"] {
  const messages = new Counter({
    name: "event_webhook_messages_total",
    help: "Messages that were sent to webhooks.",
    labelNames: ["result"],
    registers: [metrics],
  });
  return (isTaken) => messages.inc({ result: isTaken ? "taken" : "failed" });
}

export type Webhooks = ReturnType<typeof createWebhooks>;

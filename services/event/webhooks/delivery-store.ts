import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Attempt, Delivery, Happened, WebhookName } from "./webhook.ts";

/** A message that is to be sent. */
export interface DueDelivery {
  readonly eventId: string;
  readonly type: string;
  readonly body: string;
  readonly tries: number;
}

/** Attempts of a message that are shown. */
const shownAttempts = 100;

/** The SQL of what webhooks are sent. One method, one statement. */
export function createDeliveryStore(db: Database) {
  const { sql } = db;
  return {
    /** For each webhook that is active, wants it and was made before it happened; of one that has too many waiting it is left out. */
    queue: (tx: Tx, { tenantId, eventId, type, timeMs }: Happened, body: string, maxWaiting: number) => tx`
      insert into webhook_delivery (tenant_id, name, event_id, type, body, state, next_try_at, created_at)
      select tenant_id, name, ${eventId}, ${type}, ${body}, 'waiting', ${new Date(timeMs)}, ${new Date(timeMs)}
      from webhook as it
      where tenant_id = ${tenantId} and state = 'active' and spec -> 'types' ? ${type}
        and created_at <= ${new Date(timeMs)}
        and ${maxWaiting} > (select count(*) from (select from webhook_delivery as waiting
          where waiting.tenant_id = it.tenant_id and waiting.name = it.name and waiting.state = 'waiting'
          limit ${maxWaiting}) as counted)
      on conflict do nothing`,

    due: ({ tenantId, name }: WebhookName, now: Date, limit: number) => sql<DueDelivery[]>`
      select event_id as "eventId", type, body, tries from webhook_delivery
      where tenant_id = ${tenantId} and name = ${name} and state = 'waiting' and next_try_at <= ${now}
      order by next_try_at, event_id limit ${limit}`,

    noteAttempt: (
      tx: Tx,
      { tenantId, name }: WebhookName,
      eventId: string,
      { at, durationMs, status, reason }: Attempt,
    ) =>
      tx`
        insert into webhook_attempt (tenant_id, name, event_id, number, at, duration_ms, status, reason)
        select tenant_id, name, event_id, 1 + (select count(*) from webhook_attempt as earlier
            where earlier.tenant_id = it.tenant_id and earlier.name = it.name and earlier.event_id = it.event_id),
          ${at}, ${durationMs}, ${status}, ${reason}
        from webhook_delivery as it where tenant_id = ${tenantId} and name = ${name} and event_id = ${eventId}`,

    /** It ends, or is tried again at `nextTryAt`. */
    noteTried: (
      tx: Tx,
      { tenantId, name }: WebhookName,
      eventId: string,
      next: { readonly state: Delivery["state"]; readonly nextTryAt: Date; readonly endedAt: Date | null },
    ) => tx`
      update webhook_delivery set state = ${next.state}, tries = tries + 1, next_try_at = ${next.nextTryAt},
        ended_at = ${next.endedAt}
      where tenant_id = ${tenantId} and name = ${name} and event_id = ${eventId} and state = 'waiting'`,

    /** The newest first, before the one that the page before ended with. */
    list: (
      { tenantId, name }: WebhookName,
      page: {
        readonly state: Delivery["state"] | undefined;
        readonly before: { readonly createdAt: Date; readonly eventId: string } | undefined;
        readonly limit: number;
      },
    ) => sql<Omit<Delivery, "attempts">[]>`
      select event_id as "eventId", type, state, next_try_at as "nextTryAt", created_at as "createdAt",
        ended_at as "endedAt"
      from webhook_delivery
      where tenant_id = ${tenantId} and name = ${name} ${page.state ? sql`and state = ${page.state}` : sql``}
        ${page.before ? sql`and (created_at, event_id) < (${page.before.createdAt}, ${page.before.eventId})` : sql``}
      order by created_at desc, event_id desc limit ${page.limit}`,

    attemptsOf: ({ tenantId, name }: WebhookName, eventIds: readonly string[]) => sql<
      (Attempt & { readonly eventId: string })[]
    >`
      select event_id as "eventId", at, duration_ms as "durationMs", status, reason from (
        select *, row_number() over (partition by event_id order by number desc) as place from webhook_attempt
        where tenant_id = ${tenantId} and name = ${name} and event_id = any(${eventIds as string[]})) as numbered
      where place <= ${shownAttempts} order by event_id, number`,

    /** Whatever has become of it, as if it had never been tried. True where it is kept. */
    async sendAgain(tx: Tx, { tenantId, name }: WebhookName, eventId: string, now: Date): Promise<boolean> {
      const { count } = await tx`
        update webhook_delivery set state = 'waiting', tries = 0, next_try_at = ${now}, ended_at = null
        where tenant_id = ${tenantId} and name = ${name} and event_id = ${eventId}`;
      return count > 0;
    },

    /** How many there were, at most `limit`. */
    async removeEnded(before: Date, limit: number): Promise<number> {
      const { count } = await db.transaction(
        (tx) => tx`
          delete from webhook_delivery where (tenant_id, name, event_id) in (
            select tenant_id, name, event_id from webhook_delivery where ended_at < ${before} limit ${limit})`,
      );
      return count;
    },
  };
}

export type DeliveryStore = ReturnType<typeof createDeliveryStore>;
